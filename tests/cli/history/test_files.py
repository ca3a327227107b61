"""Files that the commands about the history make: what they are, and what they are never put in place of."""

import os
import re
import stat
from pathlib import Path

import pytest

from tests.cli.histories import done, house_with_two_rooms, refused
from tests.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return house_with_two_rooms(tmp_path)


@pytest.fixture(params=[["backup"], ["export", "--output"]], ids=["backup", "export"])
def making(request: pytest.FixtureRequest) -> list[str]:
    """Return the arguments of a command that makes a file, up to the file."""
    return list(request.param)


def test_a_file_that_is_there_stays_without_force(house: House, tmp_path: Path, making: list[str]) -> None:
    file = tmp_path / "precious"
    file.write_text("precious")
    assert refused(house, *making, str(file)) == f"chatsrv: {file} is there already; --force replaces it\n"
    assert file.read_text() == "precious"
    done(house, *making, str(file), "--force")
    assert file.read_bytes() != b"precious"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["chat.db", "chat.db-wal", "chat.db-mark", "link", "hard-link"])
def test_nothing_is_ever_put_in_place_of_the_history(
    house: House, tmp_path: Path, making: list[str], name: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "chat.db")
    (tmp_path / "hard-link").hardlink_to(tmp_path / "chat.db")
    before = (tmp_path / "chat.db").read_bytes()
    assert "is the history itself, or belongs to it" in refused(house, *making, str(tmp_path / name), "--force")
    assert (tmp_path / "chat.db").read_bytes() == before


def test_only_a_regular_file_in_a_directory_that_is_there_is_replaced(
    house: House, tmp_path: Path, making: list[str]
) -> None:
    assert "is no regular file" in refused(house, *making, str(tmp_path), "--force")
    os.mkfifo(tmp_path / "fifo")
    assert "is no regular file" in refused(house, *making, str(tmp_path / "fifo"), "--force")
    assert f"there is no directory {tmp_path / 'no'}" in refused(house, *making, str(tmp_path / "no" / "copy"))


def test_a_file_that_is_called_like_a_part_of_the_new_one_stays(
    house: House, tmp_path: Path, making: list[str]
) -> None:
    victim, part = tmp_path / "victim", tmp_path / "copy.part"
    victim.write_text("precious")
    for make in (part.write_text, lambda _: part.symlink_to(victim), lambda _: part.hardlink_to(victim)):
        part.unlink(missing_ok=True)
        make("precious")
        done(house, *making, str(tmp_path / "copy"), "--force")
        assert (part.read_text(), victim.read_text()) == ("precious", "precious")
        assert not (tmp_path / "copy").is_symlink()
        assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600


def test_a_history_that_is_called_like_a_part_of_the_new_file_stays(
    house: House, tmp_path: Path, making: list[str]
) -> None:
    for suffix in ("", "-mark"):
        (tmp_path / f"chat.db{suffix}").rename(tmp_path / f"copy.part{suffix}")
    house.use("{backend: yaml, path: users.yaml}", "history: {store: sqlite, path: copy.part}")
    before = done(house, "export")[0]
    done(house, *making, str(tmp_path / "copy"))
    assert done(house, "export")[0] == before


def test_a_file_is_not_put_where_another_databases_journal_lies(
    house: House, tmp_path: Path, making: list[str]
) -> None:
    (tmp_path / "copy-wal").touch()
    assert f"{tmp_path / 'copy-wal'} belongs to a database" in refused(house, *making, str(tmp_path / "copy"))


def test_backup_is_a_history_with_everything(house: House, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    before = done(house, "export")[0]
    out, err = done(house, "backup", str(file))
    assert out == ""
    assert re.fullmatch(rf"Backed up 5 entries to {re.escape(str(file))} \([\d.]+ KiB\)\.\n", err)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not (tmp_path / "copy.db-wal").exists()
    house.use("{backend: yaml, path: users.yaml}", "history: {store: sqlite, path: copy.db}")
    assert done(house, "export")[0] == before


def test_a_link_is_replaced_and_not_followed(house: House, tmp_path: Path, making: list[str]) -> None:
    victim, link, dangling = tmp_path / "victim", tmp_path / "a-link", tmp_path / "dangling"
    victim.write_text("precious")
    link.symlink_to(victim)
    dangling.symlink_to(tmp_path / "nothing")
    done(house, *making, str(link), "--force")
    done(house, *making, str(dangling), "--force")
    assert victim.read_text() == "precious"
    assert not link.is_symlink()
    assert not dangling.is_symlink()
    assert not (tmp_path / "nothing").exists()
