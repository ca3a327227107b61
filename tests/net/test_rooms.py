"""Several rooms on one connection, over real sockets: whose lines are marked, who follows whom, what is told again.

The order of lines is each room's. Answers may come before what is kept for somebody who reads slowly.
"""

from collections.abc import Iterator

import pytest

from tests.net.folk import Person, Village, village

END = "(that is all you missed)"


@pytest.fixture
def place() -> Iterator[Village]:
    with village() as found:
        yield found


def missed(where: str, *lines: str) -> list[str]:
    """Return what somebody is told who comes back."""
    return [f"While you were away{f', {where}' if where else ''} ({len(lines)}):", *lines, END]


def in_dev(place: Village, *names: str) -> list[Person]:
    """Log people in, and have all of them speak in dev, which is the first one's. Nobody has anything to see yet."""
    people = place.log_in_all(*names)
    people[0].does("/create dev")
    for person in people[1:]:
        person.does("/join dev")
    for person in people:
        person.sees()
    return people


# ------------------------------------------------------------------ marks


def test_lines_of_other_rooms_are_marked_whatever_they_are(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    bob.does("/join lobby")
    alice.does("hello", "/me waves", "/topic Tea", "/mute bob 1h loud")
    dave = place.log_in("dave")
    dave.does("/join dev", "/part lobby", "/part dev")
    assert bob.sees() == [
        "[dev] <alice> hello",
        "[dev] * alice waves",
        "[dev] *** alice changed the topic to: Tea",
        "[dev] *** alice muted bob for 1 hour: loud",
        "* dave joined",
        "[dev] * dave joined",
        "* dave left",
        "[dev] * dave left",
    ]


def test_what_is_typed_before_and_behind_a_turn_goes_where_it_was_meant(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    turns = ["You speak in lobby now.", "You speak in dev now."]
    assert alice.does("one", "/join lobby", "two", "/join dev", "three") == turns
    assert sorted(bob.sees()) == ["<alice> one", "<alice> three", "[lobby] <alice> two"]


def test_each_device_speaks_where_it_turned_to(place: Village) -> None:
    alice, bob, phone = in_dev(place, "alice", "bob", "bob")
    phone.does("/join lobby")
    assert bob.does("from dev") == []
    assert phone.does("from the lobby") == ["[dev] <bob> from dev"]
    assert bob.sees() == ["[lobby] <bob> from the lobby"]
    assert alice.sees() == ["<bob> from dev", "[lobby] <bob> from the lobby"]


def test_who_turns_while_he_reads_slowly_gets_every_line_once() -> None:
    with village(send_buffer_bytes=4096) as place:
        (alice,) = in_dev(place, "alice")
        bob = place.log_in("bob", receive_buffer_bytes=2048)
        bob.does("/join dev")
        alice.sees()
        said = [f"{number} {'x' * 500}" for number in range(400)]
        alice.does(*said[:200])
        bob.type("/join lobby")
        alice.does(*said[200:], "the end")
        seen = bob.sees_up_to("<alice> the end")
        lines = [line for line in seen if line != "You speak in lobby now."]
        assert lines == [f"<alice> {line}" for line in (*said, "the end")]  # marked only once he is level
        bob.sees()
        alice.does("level")
        assert bob.sees() == ["[dev] <alice> level"]
        bob.does("/join dev")
        alice.does("level")
        assert bob.sees() == ["<alice> level"]


# ------------------------------------------------------------------ part, and join again


def test_who_parts_reads_on_elsewhere_and_says_nothing_there(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    assert bob.does("/part", "in the lobby") == ["You left dev. You speak in lobby now."]
    assert alice.does("gone?") == ["* bob left", "[lobby] <bob> in the lobby"]
    assert bob.does("/part dev") == ["You are not in dev."]


def test_who_comes_back_into_a_room_is_told_what_he_missed_there_and_nothing_twice(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    alice.does("one", "two")
    assert bob.does("my own", "/part") == ["<alice> one", "<alice> two", "You left dev. You speak in lobby now."]
    alice.does("three")
    for line in ("four", "five"):
        assert bob.does("/join dev")[:3] == ["You are in dev now.", "Here now: alice.", "While you were away (1):"]
        assert alice.does(line) == ["* bob joined"]
        assert bob.does("/part") == [f"<alice> {line}", "You left dev. You speak in lobby now."]
        alice.does("three")


def test_what_was_on_its_way_when_a_room_was_left_is_told_at_the_next_login_if_it_was_lost() -> None:
    with village(send_buffer_bytes=4096, stall_seconds=3600.0) as place:
        (alice,) = in_dev(place, "alice")
        bob = place.log_in("bob", receive_buffer_bytes=2048)
        bob.does("/join dev")
        alice.sees()
        said = [f"{number} {'x' * 500}" for number in range(200)]
        alice.does(*said)
        bob.type("/part dev")
        alice.sees_up_to("* bob left")
        bob.reset()
        alice.sees_up_to("[lobby] * bob left (connection lost)")
        bob = place.log_in("bob")
        bob.sees()
        seen = bob.does("/join dev")
        lines = [line for line in seen if line.startswith("<alice>")]
        assert lines == [f"<alice> {line}" for line in said[-len(lines) :]]
        assert len(lines) > len(said) // 2


def test_at_a_login_everybody_is_where_he_was_and_is_told_of_each_room_what_he_missed(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    bob.quits()
    alice.sees_up_to("[lobby] * bob left", "* bob left")
    alice.does("tea?", "/join lobby", "anybody?")
    bob = place.log_in("bob")
    assert bob.sees() == [
        "You speak in lobby. You are also in: dev.",
        *missed("", "<alice> anybody?"),
        *missed("in dev", "[dev] <alice> tea?"),
    ]
    bob.does("/part dev")
    bob.quits()
    alice.does("more")
    assert place.log_in("bob").sees() == missed("", "<alice> more")


# ------------------------------------------------------------------ several devices


def test_devices_follow_each_other_into_rooms_and_out_of_them(place: Village) -> None:
    alice, desk, phone = place.log_in_all("alice", "bob", "bob")
    alice.does("/create dev")
    desk.does("/join dev", "from the desk")
    assert phone.does("from the lobby", "/join dev", "from the phone") == [
        "You are in dev, too: you entered it on another device.",
        "[dev] <bob> from the desk",
        "You speak in dev now.",
    ]
    assert desk.sees() == ["[lobby] <bob> from the lobby", "<bob> from the phone"]
    assert alice.does("hello") == [
        "* bob joined",
        "<bob> from the desk",
        "[lobby] <bob> from the lobby",
        "<bob> from the phone",
    ]
    assert phone.does("/part") == ["<alice> hello", "You left dev. You speak in lobby now."]
    assert alice.does("anybody?") == ["* bob left"]
    nowhere = "You speak in no room now: /join lobby turns to one."
    assert desk.does("meant for dev") == [
        "<alice> hello",
        "You are no longer in dev: you left it on another device.",
        nowhere,
        nowhere,
    ]
    assert phone.sees() == []


def test_what_one_device_is_told_while_it_is_lost_is_missed_though_another_followed_it(place: Village) -> None:
    alice, desk = in_dev(place, "alice", "bob")
    desk.does("/part")
    said = [f"{number} {'x' * 2000}" for number in range(300)]
    alice.does(*said)
    phone = place.log_in("bob", receive_buffer_bytes=2048)
    phone.type("/join dev")  # and reads nothing of it
    desk.sees_up_to("You are in dev, too: you entered it on another device.")
    alice.does("live")
    assert desk.sees_up_to("[dev] <alice> live") == ["[dev] <alice> live"]  # which begins after it is told so
    phone.reset()
    desk.quits()
    left = 0
    while left < 2:  # the lobby, and dev; the reason is that of whichever session ends last
        left += "* bob left" in alice.line()
    told = [line for line in place.log_in("bob").sees() if "<alice>" in line][-301:]
    expected = [f"[dev] <alice> {line}" for line in (*said, "live")]
    assert len(told) > 290  # what was in the phone's own buffer counts as taken
    assert told == expected[-len(told) :]


def test_who_does_not_want_to_be_told_what_he_missed_is_not_on_joining_either(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    bob.does("/catchup off", "/part")
    alice.does("said meanwhile")
    assert bob.does("/join dev", "hello") == ["You are in dev now.", "Here now: alice."]


def test_a_room_is_left_with_the_last_device_only(place: Village) -> None:
    alice, desk, phone = in_dev(place, "alice", "bob", "bob")
    desk.quits()
    phone.does("still here")
    phone.quits()
    assert alice.sees_up_to("* bob left", "[lobby] * bob left")[0] == "<bob> still here"


# ------------------------------------------------------------------ who is ignored


def test_who_is_ignored_is_not_seen_live_nor_in_the_history_nor_among_what_was_missed(place: Village) -> None:
    alice, bob, dave = in_dev(place, "alice", "bob", "dave")
    phone = place.log_in("bob")
    phone.sees()
    assert bob.does("/ignore dave") == ["You see nothing of dave any more: /unignore dave ends that."]
    dave.does("psst", "/me waves", "/msg bob psst", "/join lobby", "psst")
    alice.does("hello")
    assert bob.sees() == ["<alice> hello"]
    assert phone.sees() == ["[dev] <alice> hello"]
    assert bob.does("/history 1")[1:-1] == ["<alice> hello"]
    assert bob.does("/search psst") == ["Nothing was found."]
    phone.quits()
    bob.quits()
    alice.sees_up_to("[lobby] * bob left", "* bob left")
    dave.does("psst")
    alice.does("welcome back")
    bob = place.log_in("bob")
    assert bob.sees()[1:] == missed("in dev", "[dev] <alice> welcome back")
    assert bob.does("/unignore dave", "/search psst")[:2] == [
        "You see dave again.",
        "The last 3 lines with all of these words, newest first:",
    ]
    dave.does("at last")
    assert bob.sees() == ["<dave> at last"]


def test_who_comes_and_goes_and_decides_is_seen_though_he_is_ignored(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    bob.does("/ignore alice")
    alice.does("unheard", "/topic Tea", "/part")
    assert bob.sees() == ["*** alice changed the topic", "* alice left"]


def test_what_somebody_ignored_decides_is_told_without_their_words_live_and_of_before(place: Village) -> None:
    alice, bob, dave = in_dev(place, "alice", "bob", "dave")
    phone = place.log_in("bob")
    phone.sees()
    bob.does("/ignore alice")
    alice.does("/kick dave unheard", "/topic unheard", "/ban dave unheard", "/topic -")
    told = [
        "*** alice kicked dave",
        "*** alice changed the topic",
        "*** alice banned dave",
        "*** alice cleared the topic",
    ]
    assert bob.sees() == told
    assert phone.sees() == [f"[dev] {line}" for line in told]
    assert bob.does("/history 4")[1:-1] == ["* dave joined meanwhile", *told][1:]
    alice.does("/topic unheard again")
    bob.sees()
    phone.sees()
    assert bob.does("/topic") == ["alice, whom you ignore, set the topic of dev."]
    assert not [line for line in bob.does("/rooms") if "unheard" in line]
    phone.quits()
    bob.quits()
    alice.sees_up_to("* bob left", "[lobby] * bob left")
    alice.does("/mute dave unheard")
    bob = place.log_in("bob")
    assert bob.sees()[1:] == missed("in dev", "[dev] *** alice muted dave")
    assert "unheard" not in "".join(bob.does("/part dev", "/join dev"))
    assert bob.does("/unignore alice", "/topic")[1] == "Topic of dev: unheard again"
    assert dave.sees()[0] == "alice kicked you out of dev: unheard"


# ------------------------------------------------------------------ slow readers of several rooms


def test_a_reader_who_stalled_in_one_room_has_what_was_said_in_all_of_them() -> None:
    with village(send_buffer_bytes=4096) as place:
        (alice,) = in_dev(place, "alice")
        bob = place.log_in("bob", receive_buffer_bytes=2048)
        bob.does("/join dev")
        alice.sees()
        said = [f"{number} {'x' * 300}" for number in range(300)]
        for start in range(0, len(said), 30):
            alice.does("/join lobby", *said[start : start + 15], "/join dev", *said[start + 15 : start + 30])
        alice.does("the end", "/join lobby", "the end")
        seen = bob.sees_up_to("<alice> the end", "[lobby] <alice> the end")
        lobby = [line for line in seen if line.startswith("[lobby] ")]
        dev = [line for line in seen if line.startswith("<alice>")]
        expected = [f"<alice> {line}" for line in said]
        assert dev[:-1] == [line for number, line in enumerate(expected) if number % 30 >= 15]
        assert lobby[:-1] == [f"[lobby] {line}" for number, line in enumerate(expected) if number % 30 < 15]
        assert len(seen) == len(said) + 2
