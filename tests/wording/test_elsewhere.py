"""Words that people know from other chats are answered by what to use here."""

import re

import pytest

from chatsrv.model.replies import UnknownCommand
from chatsrv.model.verbs import VERB_OF
from chatsrv.wording.commands import unknown
from chatsrv.wording.elsewhere import ADVICE

# The commands of RFC 2812 and RFC 2811's modes in clients' words, and those that irssi, WeeChat, HexChat and mIRC add.
IRC = """
    action add admin ame amsg away back ban bye clear close connect ctcp cycle dcc deop describe devoice
    disconnect exec exit finger halfop hop ignore info invite ison join kb kick kickban kill knock lastlog leave links
    list log lusers me mode motd msg mute names nick notice notify op oper part ping query quiet quit quote raw rejoin
    say server servers silence stats time timer topic trace umode unban unignore unmute unquiet userhost version voice
    wallops watch who whois whowas window
    nickserv chanserv memoserv ns cs ms
"""

# What Slack, Discord, Matrix and Mattermost have, as far as it has a meaning in a chat of lines.
OTHERS = """
    afk archive away ban call commands dm dnd gif help invite join kick leave logout mute nick open pm poll
    remind reply rename r search settings shrug spoiler status tableflip tell thread timeout topic tts unban unflip
    unmute upload users w whisper who online edit delete react pin purge slowmode
"""


@pytest.mark.parametrize("word", sorted({*IRC.split(), *OTHERS.split()}))
def test_a_word_that_is_known_from_elsewhere_is_a_command_here_or_is_answered(word: str) -> None:
    assert (word in VERB_OF) is not (word in ADVICE)


@pytest.mark.parametrize("word", sorted(ADVICE))
def test_advice_names_commands_that_there_are(word: str) -> None:
    sentence = ADVICE[word]
    assert word not in VERB_OF, "it is never looked up"
    assert re.fullmatch(r"/?[A-Z/a-z].*\w\.", sentence)
    assert len(sentence) < 160
    assert set(re.findall(r"/([a-z]+)", sentence)) <= set(VERB_OF)


@pytest.mark.parametrize("word", sorted(ADVICE))
def test_advice_goes_before_a_guess(word: str) -> None:
    assert unknown(UnknownCommand(word, "kick")) == ADVICE[word]
    assert word == word.lower()


def test_other_words_are_guessed_at() -> None:
    assert unknown(UnknownCommand("hlep", "help")) == "There is no command /hlep. Did you mean /help?"
