"""docs/plain-protocol.md tells the truth: its transcripts are played, its tables and numbers compared, its bot run."""

import ast
import re
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from chatsrv import ChatServer, Limits, MemoryBackend, PlainSession
from chatsrv.chat.lookback import MOST_ENTRIES
from chatsrv.model.commands import PAGE_ENTRIES
from chatsrv.model.verbs import VERBS
from chatsrv.protocols.lines import HELD_BYTES
from chatsrv.sharing.flood import ANSWER_BYTES, IDLE_BYTES, LOGIN_BYTES, PIECE_BYTES
from chatsrv.text.characters import COMBINING_IN_A_ROW, MARKS_IN_A_ROW
from chatsrv.text.cleaning import clean
from chatsrv.wording.commands import HELP
from chatsrv.wording.news import LEFT_FOR
from chatsrv.wording.refusals import RIGHTS
from tests.peer import DEADLINE_SECONDS, Peer, running, with_any_time

PAGE = (Path(__file__).parents[2] / "docs" / "plain-protocol.md").read_text()
PROSE = " ".join(PAGE.split())
PROMPTS = ("Username:", "Password:", "Old password:", "New password:", "New password again:")
ACCOUNTS = {"alice": "wonderland", "bob": "builder"}


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    return found


def chat() -> ChatServer:
    return ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(ACCOUNTS))


@pytest.mark.parametrize("transcript", blocks("transcript"))
def test_transcript(transcript: str) -> None:
    with running(chat()) as server, ExitStack() as stack:
        peers: dict[str, Peer] = {}
        for line in transcript.splitlines():
            name, direction, text = re.fullmatch(r"(\w+)([<>]) (.*)", line).groups()
            if name not in peers:
                peers[name] = stack.enter_context(Peer(server))
            if direction == ">":
                peers[name].type(text)
            elif text in PROMPTS:
                assert peers[name].read_until(b": ").decode() == f"{text} "
            else:
                assert with_any_time(peers[name].line()) == text


def test_bot() -> None:
    (source,) = blocks("python")
    with running(chat()) as server, Peer(server) as alice:
        source = source.replace("localhost", "127.0.0.1").replace("61116", str(server.server_address[1]))
        bot = threading.Thread(target=exec, args=(source, {}), name="bot")
        alice.try_login("alice", "wonderland")
        assert alice.line().startswith("Welcome, alice!")
        bot.start()
        assert alice.line() == "* bob joined"
        with Peer(server) as other:
            other.try_login("alice", "wonderland")
            assert other.line() == "Welcome, alice! Here now: bob. Type /help for commands."
        alice.type("bob, please go")
        assert alice.line() == "* bob left"
        bot.join(DEADLINE_SECONDS)
        assert not bot.is_alive()


def test_commands() -> None:
    typed = [f"/{verb.name} {verb.arguments}".rstrip().replace("|", r"\|") for verb in VERBS]
    rows = [
        f"| `{it}` | {HELP[verb.name]} | {RIGHTS[verb.right] if verb.right else 'everybody'} |"
        for it, verb in zip(typed, VERBS, strict=True)
    ]
    assert re.findall(r"^\| `/.*$", PAGE, re.MULTILINE) == rows


def test_texts() -> None:
    rows = re.findall(r"^\| `(\".*\")` \| `(\".*\")` \|$", PAGE, re.MULTILINE)
    assert len(rows) == 7
    for sent, said in rows:
        assert clean(ast.literal_eval(sent)) == ast.literal_eval(said)


def test_reasons() -> None:
    (sentence,) = re.findall(r"The reasons are (.*?)\. More", PROSE)
    assert sorted(f"left ({why})" for why in re.findall(r"`(.*?)`", sentence)) == sorted(LEFT_FOR.values())


def test_numbers() -> None:
    assert f"A line may have {Limits().line_bytes} bytes" in PROSE
    assert f"up to {HELD_BYTES} bytes of it" in PROSE
    assert f"Each {IDLE_BYTES} bytes beyond count as a line" in PROSE
    assert f"more than {LOGIN_BYTES} bytes in all" in PROSE
    assert f"count as {ANSWER_BYTES} bytes each, and each piece that arrives by itself as {PIECE_BYTES} more" in PROSE
    assert f"more than {MARKS_IN_A_ROW} that Unicode stacks" in PROSE
    assert f"more than {COMBINING_IN_A_ROW} combining characters" in PROSE
    assert f"the last {PAGE_ENTRIES} lines" in PROSE
    assert f"It shows {PAGE_ENTRIES} lines" in PROSE
    assert f"up to {MOST_ENTRIES}." in PROSE
    for key in re.findall(r"`limits\.(\w+)`", PAGE):
        assert key in Limits.model_fields
