"""Words from elsewhere: commands that people know from IRC, Slack, Discord and others, and what to use here instead.

A sentence for each, in one table. A command of the chat's own or of a plug-in goes first, so a word may be in here that
some server has. Knows nothing of what is done. Values and a pure function; any thread may call it.
"""

from collections.abc import Mapping

_SENTENCES: Mapping[str, str] = {
    # ------------------------------------------------------------------ talking to one person
    "m mes mess message query q dm pm w whisper tell privmsg notice": (
        "/msg NAME TEXT says something to one person alone."
    ),
    "r reply": "/msg NAME TEXT answers one person alone, and any line without a slash is for all in the room.",
    "ns nickserv cs chanserv ms memoserv hs hostserv bs botserv": (
        "There are no services here: /password changes your password, and /help lists what else you can do."
    ),
    # ------------------------------------------------------------------ what you say
    "say broadcast amsg": "Type a line without a slash, and it is said to all in the room that you speak in.",
    "describe emote action ame": "/me TEXT tells what you do: /me waves.",
    "shrug tableflip unflip lenny gif giphy tenor tts spoiler": (
        "There is no such thing here: type what you want to say."
    ),
    "edit delete undo react reaction pin unpin thread poll": (
        "There is no such thing here: what is said stays as it was said, and /history shows it."
    ),
    "upload file send dcc ctcp attach": "No files are sent here, only lines of text: say where the file is instead.",
    "remind reminder timer": "There are no reminders here, but /history shows what was said before.",
    "call video screenshare": "There are no calls here, only text.",
    # ------------------------------------------------------------------ you
    "nick name rename": (
        "Your name is that of your account and cannot be changed here, so that everybody knows who speaks."
    ),
    "away afk brb back busy dnd status presence invisible": (
        "There is no such status here: just leave, and at the next login you are told what you missed."
    ),
    "login auth identify register sasl oper su sudo admin": (
        "You are logged in already, and your role is that of your account: an administrator can change it."
    ),
    "passwd setpass": "/password changes your password.",
    "settings config prefs preferences options timestamps time umode": (
        "/set shows how lines are shown to you, and /set times on begins each with its time."
    ),
    "bye exit logout logoff disconnect signoff die": "/quit leaves the chat.",
    # ------------------------------------------------------------------ rooms
    "list channels channel chans ls links": "/rooms lists the rooms.",
    "names users members people online lusers here": "/who lists who is in this room, /who ROOM who is in another one.",
    "j open enter window win buffer switch goto go room": "/join ROOM enters a room, or turns to one that you are in.",
    "leave close archive": "/part leaves this room, /part ROOM another one, and /quit the chat.",
    "cycle hop rejoin": "/part leaves this room, and /join ROOM enters it again.",
    "make new mkroom": "/create ROOM makes a room of your own.",
    "knock": "Nobody is asked to let you in: somebody who is in that room can /invite you. /msg NAME TEXT asks them.",
    "t subject purpose": "/topic TEXT sets the topic of this room, and /topic shows it.",
    # ------------------------------------------------------------------ people
    "whois wi whowas wii userhost userip ison finger info seen last-seen watch monitor notify": (
        "Nothing is told of people but whether they are here: /who lists those in this room."
    ),
    "block silence squelch accept": "/ignore NAME shows nothing of somebody any more, and /unignore NAME ends that.",
    "unblock unsilence unsquelch": "/unignore NAME shows you what somebody says again.",
    "add friend friends contacts": "There are no lists of friends here: /who lists who is in this room.",
    # ------------------------------------------------------------------ keeping order
    "op deop halfop dehalfop voice devoice promote demote owner role roles": (
        "There are no operators to be made here: whoever creates a room keeps order there, and moderators everywhere."
    ),
    "mode chmode": (
        "There are no modes here: /mute, /ban, /slow and /topic do what they do elsewhere, "
        "and /create ROOM invite-only makes a room for guests."
    ),
    "kickban kb bankick remove": "/ban NAME sends somebody out and keeps them out.",
    "kill gline kline zline shun akill": (
        "/ban NAME everywhere keeps somebody out of the whole server, for administrators."
    ),
    "unkickban pardon": "/unban NAME lets somebody in again.",
    "banlist": "/bans lists who is banned and muted.",
    "quiet timeout gag tempmute": "/mute NAME 10m lets somebody say nothing for ten minutes.",
    "unquiet untimeout ungag": "/unmute NAME lets somebody speak again.",
    "slowmode": "/slow SECONDS lets each say a line every so many seconds, and /slow off ends that.",
    "purge clean prune report": (
        "What was said stays unless an administrator erases it: /mute and /ban stop whoever said it."
    ),
    "wallops wall globops operwall announce": "There is no message to everybody: say it in a room that they are in.",
    "log logs auditlog": "/history shows what was said in this room, and /audit what was decided.",
    # ------------------------------------------------------------------ looking back
    "lastlog scrollback backlog last recent chathistory": (
        "/history shows what was said before, and /more what came before that."
    ),
    "find grep": "/search WORDS shows lines with all of these words.",
    "unread inbox mentions activity": "At a login you are told what you missed, and /private shows private messages.",
    # ------------------------------------------------------------------ the program
    "h commands command man usage ?": "/help lists the commands.",
    "clear cls": "Your own program clears its screen: Ctrl-L does in most terminals.",
    "server connect reconnect servers map squit": (
        "You are connected already, and there is one server here: /quit leaves it."
    ),
    "version motd rules stats trace uptime lag ping pong time date": (
        "The server tells nothing about itself here: if you read this, it hears you."
    ),
    "quote raw exec alias bind script load unload": "There is no such thing here: your lines go to the chat alone.",
}
"""What is answered to these words, which are parted by spaces."""

ADVICE: Mapping[str, str] = {word: sentence for words, sentence in _SENTENCES.items() for word in words.split()}
"""The same, by each of the words."""


def advice_on(name: str) -> str:
    """Return what to use in place of a command that is known from elsewhere, as a sentence; empty for any other name.

    >>> advice_on("leave")
    '/part leaves this room, /part ROOM another one, and /quit the chat.'
    """
    return ADVICE.get(name, "")
