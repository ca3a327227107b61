"""News, and what could be taken for it."""

import subprocess
import sys

import pytest

from chatsrv.wording.news import looks_like_news


@pytest.mark.parametrize(
    "text", ["left", "JOINED us", "and Ann J0INED", "Ieft", "joIned", "and bob joined", "CAME  AND WENT"]
)
def test_what_reads_like_news_is_found(text: str) -> None:
    assert looks_like_news(text)


@pytest.mark.parametrize("text", ["waves", "is left-handed", "joins", "andante left"])
def test_other_deeds_are_no_news(text: str) -> None:
    assert not looks_like_news(text)


def test_whoever_imports_the_package_does_not_load_the_table_of_what_looks_alike() -> None:
    """It takes 10 MiB, and no command line needs it."""
    asked = "import chatsrv, sys; sys.exit('confusable_homoglyphs.confusables' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
