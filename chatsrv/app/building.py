"""From settings to objects: the store, the hub, the bots and the commands of plug-ins.

The door is made in `door`; `running` puts all together. Starts nothing, and decides nothing about chat. Any thread.
"""

from collections.abc import Mapping
from pathlib import Path

from chatsrv.bots import Bot
from chatsrv.chat.commandplugin import CommandPlugin
from chatsrv.chat.hub import Hub
from chatsrv.model.errors import CannotStart, PluginError, Refused
from chatsrv.model.history import CatchingUp
from chatsrv.roomlog.base import LogStore
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.settings import MemoryHistory, Settings, SqliteHistory, wrong_at
from chatsrv.settings.plugins import BOTS_GROUP, COMMANDS_GROUP, make
from chatsrv.text.names import prepare_name
from chatsrv.wording.refusals import explain


def store_of(history: MemoryHistory | SqliteHistory, keep_bytes: int) -> LogStore:
    """Return where the settings have the room logs kept, which keep so much in memory.

    Raises:
        StoreError: that place cannot be used.
    """
    if isinstance(history, MemoryHistory):
        return MemoryStore(keep_entries=history.keep_entries, keep_bytes=keep_bytes)
    return SqliteStore(
        history.path,
        durability=history.durability,
        keep_entries=history.keep_entries,
        keep_days=history.keep_days,
        keep_bytes=keep_bytes,
    )


def hub_of(settings: Settings, store: LogStore, commands: Mapping[str, CommandPlugin]) -> Hub:
    """Return all rooms as the settings want them, and as they were left in `store`.

    Raises:
        CannotStart: what was decided about rooms cannot be read.
    """
    history = settings.history
    try:
        return Hub(
            store,
            rules=settings.rooms,
            catching_up=CatchingUp(history.catch_up_entries, history.newcomer_entries),
            commands=commands,
        )
    except Refused as refused:
        raise CannotStart(str(refused.__cause__ or explain(refused.why))) from refused


def commands_of(settings: Settings, file: str | Path = "the settings") -> dict[str, CommandPlugin]:
    """Return the commands that plug-ins bring, by name.

    Raises:
        SettingsError: a plug-in cannot be used.
    """
    made: dict[str, CommandPlugin] = {}
    for number, name in enumerate(settings.commands):
        try:
            made[name] = make(
                COMMANDS_GROUP,
                name,
                {},
                CommandPlugin,  # type: ignore[type-abstract]  # it is only asked about, never made
                directory=Path(),
            )
        except PluginError as error:
            told = f"{error}: {error.option}" if error.option else str(error)
            raise wrong_at(file, ("commands", number), told) from error
    return made


def bots_of(settings: Settings, file: str | Path = "the settings") -> list[tuple[Bot, str]]:
    """Return the bots that plug-ins bring, each with the name of its room, empty for the default one.

    Raises:
        SettingsError: a plug-in cannot be used, or the name of its bot cannot, or there is no such room.
    """
    made: dict[str, tuple[Bot, str]] = {}
    rooms = (settings.rooms.default, *(room.name for room in settings.rooms.declared))
    for number, chosen in enumerate(settings.bots):
        steps: tuple[str | int, ...] = ("bots", number)
        if chosen.room is not None and chosen.room not in rooms:
            told = f"there is no room {chosen.room}; accepted is one of {', '.join(rooms)}"
            raise wrong_at(file, (*steps, "room"), told)
        try:
            bot = make(BOTS_GROUP, chosen.bot, chosen.options, Bot, directory=Path(file).parent)
            name = prepare_name(bot.name)
        except PluginError as error:
            raise wrong_at(file, (*steps, error.option) if error.option else steps, str(error)) from error
        except ValueError as error:
            raise wrong_at(file, steps, f"a bot cannot be called {bot.name!r}: {error}") from error
        if name in made:
            raise wrong_at(file, steps, f"there is a bot called {bot.name!r} already")
        made[name] = (bot, chosen.room or "")
    return list(made.values())
