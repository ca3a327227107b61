"""Behaviour of chatsrv.net.delivery.connection and outbox: bounded, one reason for each end, changed by nobody else."""

import ast
import inspect
import re
import threading
from pathlib import Path

import pytest

import chatsrv
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Text
from chatsrv.net.delivery import connection
from chatsrv.net.delivery.connection import Connection, Subscription
from chatsrv.net.delivery.outbox import OUTBOX_BYTES, Outbox
from chatsrv.net.delivery.tail import Recipient
from chatsrv.net.receipts.trail import Steps
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.wording.sessions import FAREWELLS
from tests.net.links import MORE_THAN_A_SOCKET_TAKES, Link, delivering, linked
from tests.peer import DEADLINE_SECONDS


def test_replies_are_taken_together_and_in_order_once() -> None:
    outbox = Outbox()
    for data in (b"a", b"b", b"c"):
        outbox.put(data)
    assert outbox.take() == (b"abc", [])
    assert outbox.take() == (b"", [])


def test_replies_are_taken_one_by_one_with_the_steps_within_them() -> None:
    log = MemoryStore().open("lobby")
    outbox, first, second = Outbox(), Steps(log, (1, 2), (7, 8)), Steps(log, (1,), (9,))
    assert [outbox.put(b"a"), outbox.put(b"bc", first), outbox.put(b"d", second)] == [1, 2, 3]
    outbox.close(Reason.QUIT)
    outbox.end(b"Goodbye!")
    assert outbox.steps() == [first, second]
    assert outbox.take(2) == (b"abc", [(1, first)])
    assert outbox.take(1) == outbox.take(2) == (b"", [])
    assert outbox.take() == (b"dGoodbye!", [(0, second)])


def test_an_author_has_space_until_the_outbox_is_over_its_bound() -> None:
    outbox = Outbox()
    for _ in range(3):
        outbox.put(b"x" * OUTBOX_BYTES)
        outbox.wait_for_space()
        assert outbox.take()[0]


def test_an_author_waits_until_what_he_posted_was_taken() -> None:
    for _ in range(50):  # one who does not wait is not seen to be early each time
        outbox = Outbox()
        has_put = threading.Event()
        left: list[bytes] = []

        def write(outbox: Outbox = outbox, has_put: threading.Event = has_put, left: list[bytes] = left) -> None:
            outbox.put(b"x" * (OUTBOX_BYTES + 1))
            has_put.set()
            outbox.wait_for_space()
            left.append(outbox.take()[0])

        author = threading.Thread(target=write)
        author.start()
        assert has_put.wait(DEADLINE_SECONDS)
        assert len(outbox.take()[0]) == OUTBOX_BYTES + 1
        author.join(DEADLINE_SECONDS)
        assert left == [b""]


def test_closing_lets_the_waiting_author_go_and_drops_what_comes_behind_the_farewell() -> None:
    outbox = Outbox()
    outbox.put(b"x" * (OUTBOX_BYTES + 1))
    author = threading.Thread(target=outbox.wait_for_space)
    author.start()
    assert outbox.close(Reason.QUIT)
    outbox.end(b"Goodbye!")
    author.join(DEADLINE_SECONDS)
    assert not author.is_alive()
    outbox.put(b"late")
    outbox.wait_for_space()
    assert outbox.take()[0] == b"x" * (OUTBOX_BYTES + 1) + b"Goodbye!"


def test_only_the_first_reason_counts() -> None:
    outbox = Outbox()
    assert outbox.closed_for is None
    assert outbox.close(Reason.FLOODING)
    assert not outbox.close(Reason.QUIT)
    assert outbox.closed_for is Reason.FLOODING


def test_a_peer_reads_what_was_posted_and_then_why_it_ends() -> None:
    with delivering() as delivery, linked(delivery) as [link]:
        assert link.connection.reason is None
        link.connection.post(b"one\n")
        link.connection.post(b"")
        link.connection.reply(Text("two"))
        link.connection.hang_up(Reason.FLOODING)
        link.connection.reply(Text("three"))
        assert link.rest() == f"one\ntwo\n{FAREWELLS[Reason.FLOODING]}\n"
        assert link.connection.reason is Reason.FLOODING


def test_a_reason_without_a_farewell_ends_the_stream_without_a_word() -> None:
    with delivering() as delivery, linked(delivery) as [link]:
        link.connection.hang_up(Reason.LOST)
        assert link.rest() == ""


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.is_abrupt])
def test_a_peer_that_takes_nothing_is_cut_off_at_once(reason: Reason) -> None:
    with delivering() as delivery, linked(delivery) as [link]:
        link.connection.post(b"x" * MORE_THAN_A_SOCKET_TAKES)
        link.connection.hang_up(reason)
        link.finish()
        assert len(link.rest()) < MORE_THAN_A_SOCKET_TAKES


def test_among_threads_that_hang_up_at_once_one_reason_is_heard_and_kept() -> None:
    reasons = [Reason.QUIT, Reason.FLOODING, Reason.ERROR, Reason.SHUTDOWN]
    with delivering() as delivery, linked(delivery, 20) as links:
        for link in links:
            start = threading.Barrier(len(reasons))

            def hang_up(reason: Reason, link: Link = link, start: threading.Barrier = start) -> None:
                start.wait(DEADLINE_SECONDS)
                link.connection.hang_up(reason)

            threads = [threading.Thread(target=hang_up, args=(reason,)) for reason in reasons]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(DEADLINE_SECONDS)
            assert link.connection.reason in reasons
            assert link.rest() == f"{FAREWELLS[link.connection.reason]}\n"


def test_an_answer_at_the_door_is_written_at_once() -> None:
    with delivering() as delivery, linked(delivery) as [link]:
        link.connection.answer(b"Username: ")
        link.connection.answer(b"")
        assert link.peer.recv(100) == b"Username: "
        assert link.connection.reason is None


def test_a_peer_who_leaves_the_prompts_unread_is_lost() -> None:
    with delivering() as delivery, linked(delivery) as [link]:
        link.connection.answer(b"x" * MORE_THAN_A_SOCKET_TAKES)
        assert link.connection.reason is Reason.LOST


def test_what_another_thread_notifies_of_never_waits_for_space() -> None:
    with delivering(Limits(linger_seconds=60)) as delivery, linked(delivery) as [link]:
        for _ in range(3):
            link.connection.notify(Text("x" * MORE_THAN_A_SOCKET_TAKES))
        link.connection.hang_up(Reason.QUIT)
        assert link.rest() == ("x" * MORE_THAN_A_SOCKET_TAKES + "\n") * 3 + "Goodbye!\n"


def changed_by(target: ast.expr) -> list[ast.Attribute]:
    """Return the attributes that an assignment to `target` changes, or changes something in."""
    if isinstance(target, ast.Tuple | ast.List):
        return [part for each in target.elts for part in changed_by(each)]
    if isinstance(target, ast.Subscript | ast.Starred):
        return changed_by(target.value)
    return [target] if isinstance(target, ast.Attribute) else []


def changes_from_outside(source: str) -> list[str]:
    """Return the places of a module that change a connection, or one of its subscriptions, by themselves."""
    states = {*Recipient.__slots__, *Connection.__slots__, *Subscription.__slots__} - {
        "connection"
    }  # a session has one, too
    found = []
    for node in ast.walk(ast.parse(source)):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For):
            targets = [node.target]
        elif isinstance(node, ast.Delete):
            targets = node.targets
        found += [
            ast.unparse(part)
            for target in targets
            for part in changed_by(target)
            if part.attr in states and ast.unparse(part.value) != "self"
        ]
    return found


def test_whoever_changes_a_connection_calls_one_of_its_methods() -> None:
    root = Path(chatsrv.__file__).parent
    found = {
        str(file.relative_to(root)): changes
        for file in (root / "net").rglob("*.py")  # nobody else has one
        if (changes := changes_from_outside(file.read_text()))
    }
    assert set(found) == {"net/delivery/connection.py"}  # a subscription is changed by its connection
    assert set(found["net/delivery/connection.py"]) == {"subscription.renderer"}


@pytest.mark.parametrize(
    "line",
    [
        "connection.is_stalled = True",
        "self._connection.renderer = other",
        "connection.last_due += 1",
        "one, session.connection.leftover = 1, b''",
        "subscription.tail: object = None",
        "del connection.receipts",
        "connection._subscriptions[log] = subscription",
    ],
)
def test_a_change_from_outside_is_found(line: str) -> None:
    assert changes_from_outside(line)


def test_the_table_of_who_may_call_what_has_every_method() -> None:
    methods = {name for name, member in vars(Connection).items() if inspect.isfunction(member) and name[0] != "_"}
    assert methods == methods & set(re.findall(r"\w+", connection.__doc__ or ""))
