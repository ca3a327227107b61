"""A bot that tells the time."""

from datetime import datetime

from chatsrv import Bot
from chatsrv.model.entries import Kind


class Clock(Bot):
    """Tells the time to whoever asks for it, and newcomers how to ask."""

    def __init__(self, name="clock", greeting="Welcome"):
        self.name = name
        self.greeting = greeting

    def happened(self, entry):
        super().happened(entry)
        if entry.kind is Kind.JOIN and not self.is_own(entry):
            self.say(f"{self.greeting}, {entry.author}! Say !time to hear the time.")

    def said(self, entry):
        if entry.text == "!time":
            self.say(f"{entry.author}: it is {datetime.now():%H:%M}.")
