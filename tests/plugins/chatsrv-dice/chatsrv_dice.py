"""A command of the chat: /roll throws a die."""

from random import randint

from chatsrv import CommandPlugin
from chatsrv.model.errors import Misused
from chatsrv.model.replies import Notice


class Roll(CommandPlugin):
    """Throws a die, for everybody in the room to see."""

    arguments = "[SIDES]"
    help = "throw a die, of 6 sides or as many as you say"

    def run(self, asker, argument):
        sides = argument or "6"
        if sides not in map(str, range(2, 101)):
            raise Misused(f"no die has {sides} sides")
        thrown = randint(1, int(sides))
        asker.act(f"throws {thrown} of {sides}")
        asker.reply(Notice(f"You throw {thrown} of {sides}."))
