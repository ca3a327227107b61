"""Behaviour of chatsrv.auth.hashlibrary: what of libpass and passlib is installed, as the commands tell it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatsrv.auth.hashlibrary import check_library
from tests.house import DEADLINE_SECONDS, House

BCRYPT = "$2y$04$jWQ1pgUAV8hifqdh2fq7fuBGXlLN4JI0C08u8RKcLsHoeBWx9cIhi"  # libpass

# As passlib 1.7.4 behaves with bcrypt 5: it logs a traceback, and raises at the first hash.
FAILING = """
import logging
class bcrypt:
    @staticmethod
    def verify(secret, stored):
        logging.getLogger("passlib.handlers.bcrypt").warning("(trapped) error reading bcrypt version")
        raise ValueError("password cannot be longer than 72 bytes")
class argon2(bcrypt): verify = staticmethod(lambda secret, stored: True)
class sha512_crypt(argon2): salt_chars = "."
"""
WORKING = FAILING.replace("        raise", "        return True\n        raise")


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.users.write_text(f"alice: {{password_hash: '{BCRYPT}'}}\n")
    return house


def run(house: House, before: Path, *arguments: str) -> tuple[int, str]:
    """Run a command with what lies in the directory `before` imported first; return its code and what it complains."""
    done = subprocess.run(
        house.command(*arguments),
        env={**os.environ, "PYTHONPATH": f"{before}{os.pathsep}{Path(__file__).parents[2]}"},
        input="libpass\n",
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    return done.returncode, done.stderr


def install_passlib(directory: Path, handlers: str, version: str = "1.7.4") -> Path:
    (directory / "passlib").mkdir(parents=True)
    (directory / "passlib" / "__init__.py").write_text(f"__version__ = {version!r}\n")
    (directory / "passlib" / "hash.py").write_text(handlers)
    (directory / f"passlib-{version}.dist-info").mkdir()
    (directory / f"passlib-{version}.dist-info" / "METADATA").write_text(f"Name: passlib\nVersion: {version}\n")
    return directory


def test_what_is_installed_here_is_in_order() -> None:
    check_library()


@pytest.mark.parametrize("command", [["check"], ["run"]])
def test_passlib_over_libpass_is_told_with_its_cure(house: House, tmp_path: Path, command: list[str]) -> None:
    code, error = run(house, install_passlib(tmp_path / "installed", FAILING), *command)
    pip = f"{sys.executable} -m pip"
    assert (code, error) == (
        1,
        "chatsrv: passlib 1.7.4 is installed beside libpass and has overwritten it, so password hashes cannot be "
        f"verified; uninstall it, and install libpass again: {pip} uninstall --yes passlib && {pip} install "
        "--force-reinstall --no-deps libpass\n",
    )


def test_what_passlib_leaves_when_it_is_uninstalled_is_told_with_its_cure(house: House, tmp_path: Path) -> None:
    (tmp_path / "installed" / "passlib").mkdir(parents=True)
    (tmp_path / "installed" / "passlib" / "__init__.py").write_text("raise ImportError('half of it')\n")
    code, error = run(house, tmp_path / "installed", "check")
    assert (code, error) == (
        1,
        "chatsrv: libpass is damaged or missing, so password hashes cannot be verified; install it again: "
        f"{sys.executable} -m pip install --force-reinstall --no-deps libpass\n",
    )


def test_passlib_that_works_beside_an_older_bcrypt_is_no_obstacle(house: House, tmp_path: Path) -> None:
    house.users.write_text("alice: wonderland\n")
    assert run(house, install_passlib(tmp_path / "installed", WORKING), "check") == (0, "")
