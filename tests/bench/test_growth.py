"""The log that grows, small: real files and processes. What is measured is not looked at, only that it was."""

import json
from pathlib import Path

import pytest

from . import longlog
from .plan import Plan
from .scenarios import Variant, run_variant

ENTRIES = 4000


def test_small_log_is_filled_indexed_opened_anew_and_asked() -> None:
    plan = Plan("growth", sessions=0, authors=0, entries=ENTRIES, limit_seconds=50.0)
    growth = run_variant(Variant("chatsrv", "chatsrv", plan, store="process")).growth
    assert len(growth.append_us) == longlog.PARTS
    assert min(growth.append_us) > 0
    assert growth.bytes_per_entry > longlog.LINE_CHARACTERS
    assert min(growth.start_seconds, growth.newest_ms, growth.middle_ms, growth.rare_ms) > 0


def test_rare_word_is_said_three_times_among_all_lines() -> None:
    lines = list(longlog.lines_of(ENTRIES))
    assert len(lines) == ENTRIES
    assert sum(longlog.RARE in line.split() for line in lines) == longlog.RARE_TIMES


def test_log_that_lacks_entries_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(longlog, "end_after", lambda seconds: None)
    longlog.fill(Plan("growth", entries=ENTRIES).as_json())
    assert json.loads(capsys.readouterr().out)["bytes_per_entry"] > 0
    monkeypatch.setattr(longlog, "RARE_TIMES", 4)
    with pytest.raises(SystemExit, match="3 entries were found"):
        longlog.ask(Plan("growth", entries=ENTRIES).as_json())
