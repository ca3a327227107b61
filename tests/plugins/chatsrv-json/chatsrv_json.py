"""Chat for programs: one JSON object a line, in both directions."""

import json

from chatsrv import ChatSession, ListenerKind
from chatsrv.model.commands import Complaint, Quit, Say, Who
from chatsrv.protocols.base import Protocol, Renderer, Writer
from chatsrv.protocols.lines import LinesReader
from chatsrv.text.cleaning import clean

EXPECTED = 'Expected is {"say": TEXT}, {"ask": "who"} or {"ask": "quit"}.'


class JsonReader(LinesReader):
    """Takes one JSON object a line."""

    username_prompt = password_prompt = b""

    def challenge_prompt(self, prompt):  # of a backend that asks for a code; the answer is the next line, as it is
        return json_line({"challenge": prompt})

    def commands(self, lines):
        return [self._command(line) for line in lines if line.strip()]

    def _command(self, line):
        try:
            match json.loads(line):
                case {"say": str(text)} if said := clean(text).strip():
                    return Say(said)
                case {"ask": "who"}:
                    return Who()
                case {"ask": "quit"}:
                    return Quit()
        except (ValueError, RecursionError):
            pass
        return Complaint(EXPECTED)


def json_line(value):
    return json.dumps(value, default=str).encode() + b"\n"


class JsonRenderer(Renderer):
    """Shows an entry as one JSON object."""

    omits_own = False  # a bot sees its own words too, with the offset that they got

    def render(self, entry):
        return json_line(
            {
                "room": entry.room,
                "offset": entry.offset,
                "kind": entry.kind.name,
                "author": entry.author,
                "text": entry.text,
            }
        )


class JsonWriter(Writer):
    """Writes a reply as one JSON object."""

    def write(self, reply):
        return json_line({"reply": type(reply).__name__, **reply._asdict()})

    def ending(self, reason):
        return json_line({"end": reason.name})


class JsonProtocol(Protocol):
    name = "json"
    writer = JsonWriter(JsonRenderer())

    def reader(self, line_bytes):
        return JsonReader(line_bytes)


class JsonSession(ChatSession):
    protocol = JsonProtocol()


def json_listener():
    """Return what a listener with `protocol: json` is."""
    return ListenerKind(JsonSession)
