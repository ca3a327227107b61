"""What people read about what was before: of the history, of what they missed, of who came and went.

Pure functions; any thread may call them.
"""

from chatsrv.model.replies import Away, Comings, Missing, PastEnd
from chatsrv.wording.news import CAME_AND_WENT, CAME_BACK, JOINED, LEFT
from chatsrv.wording.parts import counted, in_place, joined

AWAY_END = "(that is all you missed)"

_MAYBE_MORE = "(there may be older lines, which were not looked through; /history shows them)"


def missing(reply: Missing) -> str:
    """Return how much is no longer kept."""
    entries = reply.entries
    if entries is None:
        return "(a hole here: some entries are no longer kept)"
    return f"(a hole here: {counted(entries, 'entry is', 'entries are')} no longer kept)"


def past_end(reply: PastEnd) -> str:
    """Return whether there is more."""
    return "(end; that is all)" if reply.is_all else "(end; /more shows what came before)"


def away(reply: Away) -> list[str]:
    """Return what comes before that which was missed: how much it is, what is left out, who came and went."""
    lines, left_out, place, comings, is_more = reply
    heading = f"While you were away{f',{in_place(place)}' if place else ''}"
    if comings and not lines:
        return [f"{heading}: {_comings(comings)}."]
    told = [f"{heading} ({lines}):"]
    if left_out:
        older = counted(left_out, "older line is", "older lines are")
        told.append(f"({'at least ' if is_more else ''}{older} left out here; /history shows them)")
    elif is_more:
        told.append(_MAYBE_MORE)
    if comings:
        told.append(who_came_and_went(comings))
    return told


def who_came_and_went(comings: Comings) -> str:
    """Return the line of who came and went, which no program takes for somebody who does so now."""
    is_like_news = (comings.joined or comings.left) and not (comings.both or comings.returned)
    return f"* {_comings(comings)}{' meanwhile' if is_like_news else ''}"


def _comings(comings: Comings) -> str:
    people, came, left, both, returned, is_more = comings
    told = ((came, JOINED), (left, LEFT), (returned, CAME_BACK), (both, CAME_AND_WENT))
    if any(names for names, _ in told):
        return ", ".join(f"{joined(names)} {verb}" for names, verb in told if names)
    return f"{'at least ' if is_more else ''}{counted(people, 'person', 'people')} {CAME_AND_WENT}"
