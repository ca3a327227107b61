"""What people read about their session: as it begins, and as it ends.

Tables and pure functions; any thread may use them.
"""

from collections.abc import Mapping

from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Welcome
from chatsrv.wording.rooms import others_here

USERNAME, PASSWORD = "Username: ", "Password: "
"""What a login by lines asks for."""

OLD_PASSWORD, NEW_PASSWORD, NEW_PASSWORD_AGAIN = "Old password: ", "New password: ", "New password again: "
"""What changing the password by lines asks for."""

ALIVE = "Yes, I am here."
"""What somebody reads whose program asks whether there is anybody."""

FAREWELLS: Mapping[Reason, str] = {
    Reason.QUIT: "Goodbye!",
    Reason.IDLE: "You have sent nothing for too long. Goodbye!",
    Reason.FLOODING: "You are sending too fast. Goodbye!",
    Reason.BAD_PROTOCOL: "What you send cannot be understood. Goodbye!",
    Reason.ERROR: "Something went wrong in the server. Please log in again.",
    Reason.ACCOUNT_CLOSED: "Your account may not be used here any more. Goodbye!",
    Reason.PASSWORD_CHANGED: "Your password was changed. Please log in again.",
    Reason.BANNED: "You may not be here any more. Goodbye!",
    Reason.OUTNUMBERED: "Your account has too many sessions: this one, the oldest, gives way to a new one. Goodbye!",
    Reason.SHUTDOWN: "The server is shutting down. Goodbye!",
    Reason.LOGIN_TIMEOUT: "The login took too long. Goodbye!",
    Reason.LOGIN_CROWDED_OUT: "Too many others want to log in. Please try again.",
}
"""The last sentence for the peer; there is none of the other reasons, or no way left to say it."""


def welcome(reply: Welcome) -> str:
    """Return how somebody is welcomed to a server that is no chat."""
    return f"Welcome, {reply.name}!"


def welcome_to_chat(reply: Welcome) -> str:
    """Return how somebody is welcomed who comes to talk, and finds others, if they are in a room."""
    here = f" {others_here(reply.present, reply.more)}" if reply.is_in_room else ""
    return f"{welcome(reply)}{here} Type /help for commands."
