"""Commands of plug-ins, and help about all: who sees which, who may, and what comes of one that fails."""

import logging
import re
from collections.abc import Callable

import pytest

from chatsrv.chat.asker import Asker
from chatsrv.chat.commandplugin import CommandPlugin
from chatsrv.chat.hub import Hub
from chatsrv.chat.repertoire import Repertoire
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import Misused, Refused
from chatsrv.model.replies import Notice
from chatsrv.model.rights import Right
from chatsrv.model.verbs import VERB_OF, VERBS
from tests.peer import NOTHING, Peer, running_chat, talk

MEMBER, MODERATOR, ADMIN = Account("bob"), Account("alice", Role.MODERATOR), Account("root", Role.ADMIN)


class Does(CommandPlugin):
    """Does what it was made for."""

    help = "do something"

    def __init__(self, what: Callable[[Asker, str], object], arguments: str = "", right: Right | None = None) -> None:
        self._what = what
        self.arguments = arguments
        self.right = right

    def run(self, asker: Asker, argument: str) -> None:
        self._what(asker, argument)


def echo(asker: Asker, argument: str) -> None:
    asker.reply(Notice(f"{asker.account.name} in {asker.room.name} asks for {argument!r}."))


def raising(error: BaseException) -> Does:
    def fail(asker: Asker, argument: str) -> None:
        raise error

    return Does(fail)


PLUGINS = {
    "zap": Does(echo, "NAME [REASON]"),
    "echo": Does(echo),
    "hurry": Does(echo, right=Right.HURRY),
    "speak": Does(
        lambda asker, _: (asker.say(" two\nlines\x1b[2J "), asker.act("waves"), asker.say("\x00 \u2800\u00ad"))
    ),
    "no": raising(Refused("The dice are with the cleaner.")),
    "huh": raising(Misused("that is no number")),
    "break": raising(ZeroDivisionError("by zero")),
    "exit": raising(SystemExit(1)),
    "go": Does(lambda asker, _: asker.hang_up()),
}


def names(repertoire: Repertoire, account: Account) -> list[str]:
    return [verb.name for verb in repertoire.verbs_for(account)]


@pytest.fixture
def chatters():
    """Two members in a chat with all the plug-ins; in the end both still talk, and were told nothing else."""
    hub = Hub(commands=PLUGINS)
    with running_chat(hub=hub) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        yield alice, bob
        talk(alice, bob)


def test_what_a_plug_in_says_counts_as_lines_of_who_asks_for_it_but_for_one() -> None:
    hub = Hub(
        commands={"shout": Does(lambda asker, _: [asker.say(f"{number}") for number in range(100)])},
        catching_up=NOTHING,
    )
    with (
        running_chat(hub=hub, messages_per_second=0.001, burst=5) as server,
        Peer(server) as alice,
        Peer(server) as bob,
    ):
        alice.log_in("alice")
        bob.log_in("bob")
        alice.line()
        bob.type("/shout")
        assert bob.line() == "That is too much at once, and the rest was not said. Try again in a moment."
        assert [alice.line() for _ in range(10)] == [f"<bob> {number}" for number in range(10)]
        alice.type("/who")
        assert alice.line() == "Here now: alice, bob."


# ---------------------------------------------------------------------------- which there are


def test_without_plug_ins_it_is_the_chats_own_commands() -> None:
    assert Repertoire().verbs_for(ADMIN) == VERBS


def test_who_owns_a_room_is_told_what_owners_may_there() -> None:
    told = set(names(Repertoire(), MEMBER))
    assert not told & {"kick", "ban", "mute", "slow", "audit"}
    owners = {verb.name for verb in Repertoire().verbs_for(MEMBER, is_owner=True)}
    assert owners - told == {"kick", "ban", "unban", "mute", "unmute", "bans", "slow", "audit"}


def test_plug_ins_are_listed_behind_by_name_and_only_to_those_who_may() -> None:
    repertoire = Repertoire(PLUGINS)
    own = len(repertoire.verbs_for(MEMBER)) - 8
    assert names(repertoire, MEMBER)[own:] == ["break", "echo", "exit", "go", "huh", "no", "speak", "zap"]
    assert "hurry" in names(repertoire, MODERATOR)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("hlep", "help"),
        ("serach", "search"),
        ("ecko", "echo"),
        ("hury", ""),
        ("mesg", "msg"),
        ("me2", "me"),
        ("frobnicate", ""),
        ("", ""),
        ("help" * 9, ""),
    ],
)
def test_what_was_meant_is_sought_among_what_the_asker_may(name: str, nearest: str) -> None:
    assert Repertoire(PLUGINS).nearest(name, MEMBER) == nearest
    assert Repertoire(PLUGINS).nearest("hury", MODERATOR) == "hurry"


@pytest.mark.parametrize(
    ("name", "told"), [("who", "the chat has a command who of its own"), ("Roll", "accepted are up to 32 lower-case")]
)
def test_a_name_that_is_taken_or_none_is_refused_before_anybody_is_let_in(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Hub(commands={name: Does(echo)})


# ---------------------------------------------------------------------------- what comes of asking


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/echo", "alice in lobby asks for ''."),
        ("/ECHO it is not asked for", "alice in lobby asks for ''."),
        ("/zap  bob  too  loud ", "alice in lobby asks for 'bob  too  loud'."),
        ("/zap", "Usage: /zap NAME [REASON]"),
        ("/huh", "Usage: /huh"),
        ("/no", "The dice are with the cleaner."),
        ("/hurry", "You have no right to send faster than flood control allows: your role is member."),
        ("/ecko", "There is no command /ecko. Did you mean /echo?"),
    ],
)
def test_the_answer_is_the_askers_alone(chatters: tuple[Peer, Peer], typed: str, told: str) -> None:
    alice, _ = chatters
    alice.type(typed)
    assert alice.line() == told


@pytest.mark.parametrize(("name", "error"), [("break", "ZeroDivisionError('by zero')"), ("exit", "SystemExit(1)")])
def test_a_plug_in_that_breaks_is_one_line_in_the_log_and_a_sentence_to_the_asker(
    chatters: tuple[Peer, Peer], caplog: pytest.LogCaptureFixture, name: str, error: str
) -> None:
    alice, _ = chatters
    alice.send(f"/{name}\n/echo\n".encode())
    assert alice.line() == "That command failed, through no fault of yours. The server's log tells why."
    assert alice.line() == "alice in lobby asks for ''."
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert re.fullmatch(rf"session \d+: the plug-in for the command {name} failed", record.getMessage())
    assert record.exc_info
    assert repr(record.exc_info[1]) == error


def test_what_one_of_several_at_once_refuses_does_not_keep_the_others_from_being_obeyed(chatters) -> None:
    alice, _ = chatters
    alice.send(b"/no\n/echo\n/no\n")
    assert [alice.line() for _ in range(3)] == [
        "The dice are with the cleaner.",
        "alice in lobby asks for ''.",
        "The dice are with the cleaner.",
    ]


def test_what_a_plug_in_says_is_said_in_the_askers_name_and_cannot_harm_a_terminal(chatters) -> None:
    alice, bob = chatters
    alice.type("/speak")
    assert [bob.line(), bob.line()] == ["<alice> two lines", "* alice waves"]


def test_nothing_more_is_obeyed_of_a_session_that_a_plug_in_ended() -> None:
    with running_chat(hub=Hub(commands=PLUGINS)) as server, Peer(server) as alice:
        alice.log_in("alice")
        alice.send(b"/go\n/echo\n")
        assert alice.rest() == b"Goodbye!\n"


def test_nobody_is_led_from_a_private_message_to_one_that_all_read() -> None:
    for name in ("mg", "ms", "mes", "mesg", "msge", "m5g"):
        assert Repertoire().nearest(name, MEMBER) == "msg"


@pytest.mark.parametrize(
    ("account", "ban"),
    [
        (MEMBER, "NAME [DURATION] [REASON]"),
        (MODERATOR, "NAME|NETWORK [DURATION] [REASON]"),
        (ADMIN, "NAME|NETWORK [everywhere] [DURATION] [REASON]"),
    ],
)
def test_nobody_is_shown_arguments_that_they_may_not_use(account: Account, ban: str) -> None:
    assert VERB_OF["ban"].usage_for(account).arguments == ban
    assert VERB_OF["who"].usage_for(account) == VERB_OF["who"].usage


def test_help_tells_about_one_command_of_a_plug_in(chatters) -> None:
    alice, _ = chatters
    alice.send(b"/help zap\n/help hurry\n")
    assert alice.line() == "/zap NAME [REASON]  do something"
    assert alice.line() == "You have no right to send faster than flood control allows: your role is member."


def test_help_lists_what_a_plug_in_brought(chatters) -> None:
    alice, _ = chatters
    alice.type("/help")
    told = alice.read_until(b"begins with a slash\n").decode()
    assert re.search(r"^/zap NAME \[REASON\] +do something$", told, re.MULTILINE)
    assert "/hurry" not in told
