"""People who try to pass the penalties, by a clock that only tests move. One thread uses a `Door`'s clock."""

from chatsrv.auth import penalties
from chatsrv.auth.knownplaces import KnownPlaces
from chatsrv.auth.penalties import Penalties
from chatsrv.model.errors import Denied, Penalised
from chatsrv.model.loginpolicy import LoginPolicy

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"
HOUR = 3600.0
DEADLINE_SECONDS = 30


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Door:
    """Penalties, and people who try to pass them."""

    def __init__(self, most_tallies=penalties.MOST_TALLIES, **policy):
        self.clock = Clock()
        values = {"guesses_per_address": 6, "guesses_per_account": 3, **policy}
        self._make = lambda: Penalties(LoginPolicy(**values), self.places, clock=self.clock, most_tallies=most_tallies)
        self.places = KnownPlaces(keep_days=0)
        self.restart()
        self.looked_at = 0
        self.refused = []  # the texts of those that were not looked at

    def restart(self):
        """Forget what a server forgets that is stopped and started again."""
        self.penalties = self._make()

    def login(self, address=HERE, name="alice", password="right", error=None):
        with self.penalties.attempt(address, name, password):
            self.looked_at += 1
            if error:
                raise error

    def guess(self, address=HERE, name="alice", password=None, error=None):
        """Try a wrong password, a new one each time; return whether it was looked at."""
        try:
            self.login(address, name, password or f"guess {self.looked_at}", error or Denied("wrong"))
        except Penalised as error:
            self.refused.append(str(error))
            return False
        except Denied:
            return True

    def guesses(self, times, **login):
        return sum(self.guess(**login) for _ in range(times))
