"""Behaviour of chatsrv.chat.subjects: what was noted about a name is found, newest first, in little memory."""

from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.chat.subjects import Subjects

NAMES = st.sampled_from(["", "#dev", "@dev", "@bob", "@alice", "#tea"])


@settings(deadline=None)
@given(st.lists(st.sets(NAMES)), st.integers(-1, 60))
def test_all_that_was_noted_about_a_name_is_found_newest_first(noted: list[set[str]], last: int) -> None:
    subjects = Subjects()
    for offset, names in enumerate(noted, 1):
        subjects.note(offset, *names)
    for name in ("", "#dev", "@dev", "@bob", "@alice", "#tea", "@nobody"):
        expected = [offset for offset, names in enumerate(noted, 1) if name in names and offset <= last]
        assert list(subjects.back(name, last)) == expected[::-1]


def test_offsets_may_be_as_large_as_the_file_holds() -> None:
    subjects = Subjects()
    offsets = [1, (1 << 40) - 2, (1 << 40) - 1]
    for offset in offsets:
        subjects.note(offset, "@bob")
    assert list(subjects.back("@bob", (1 << 40) - 1)) == offsets[::-1]
    assert list(subjects.back("@bob", (1 << 40) - 2)) == offsets[-2::-1]


def test_of_many_names_hardly_one_is_taken_for_another() -> None:
    subjects = Subjects()
    for offset in range(1, 20_001):
        subjects.note(offset, f"@{offset}")
    found = [offset for number in range(1, 1001) for offset in islice(subjects.back(f"@{number}", 1 << 39), 10)]
    assert set(found) >= set(range(1, 1001))
    assert len(found) <= 1010
