"""Writing a file that cannot be replaced, as one that is mounted by itself: it is the old or the new one, never half.

    1. a draft is appended: the new contents, encoded in comments; then it is on the disk
    2. the new contents are written over the old ones; then they are on the disk
    3. the file is cut to them

Whoever reads the file takes what a whole draft says, and leaves out what there is of another. So nobody sees half of
the second step, whether its writer is still at it, was killed, or the power failed.

Knows nothing of what the file holds but that `#` begins a comment. Any thread may call; `write_in_place` needs the lock
that `atomic` takes.
"""

import base64
import binascii
import errno
import hashlib
import os
import re
from contextlib import suppress

MOST_BYTES = 64 * 1024 * 1024
"""Longest file of accounts: half a million of them."""

_BEGIN = (
    b"# chatsrv was interrupted while it wrote this file. What holds is encoded below; the next start or change puts\n"
    b"# it into its place. To keep what stands above instead, remove these lines.\n"
)
_CODE_BYTES = 76

# How many line ends stand before the draft, what it holds, and a digest of that, which tells that it is whole.
_DRAFT = re.compile(
    re.escape(_BEGIN) + rb"(?:#~ (\d{1,8})\n)?((?:#~[A-Za-z0-9+/=]{1,76}\n)*)(?:#~~([0-9a-f]{32})\n|#~[^\n]*\n?)?"
)
_FIRST_WORDS = b"# chatsrv was "


def contents_of(data: bytes) -> bytes:
    """Return the contents of a file that has the bytes `data`, wherever a change of it in place was interrupted.

    Lines that somebody has added at the end since are among them. Where next to nothing of the draft was written yet,
    blank lines and the beginning of a comment may be, too.
    """
    data = data.rstrip(b"\0")  # what a power failure may leave of a draft that was not on the disk yet
    start = data.rfind(_BEGIN)
    if start < 0:
        start = data.rfind(_FIRST_WORDS)
        is_begun = start >= 0 and _BEGIN.startswith(data[start:].rstrip(b"\n"))
        return contents_of(_end_with_newline(data[:start])) if is_begun else data
    found = _DRAFT.match(data, start)
    assert found
    below = data[found.end() :]
    if found[3]:
        with suppress(binascii.Error):  # somebody has edited it
            contents = base64.b64decode(found[2].replace(b"#~", b"").replace(b"\n", b""))
            if _digest(contents) == found[3]:
                return contents + below
    above = data[:start].removesuffix(b"\n" * int(found[1])) if found[1] else _end_with_newline(data[:start])
    return contents_of(_end_with_newline(above) + below if below else above)


def _end_with_newline(text: bytes) -> bytes:
    text = text.rstrip(b"\n")
    return text + b"\n" if text else b""


def is_interrupted(data: bytes) -> bool:
    """Tell whether a file that has the bytes `data` has something of a draft in it."""
    return contents_of(data) != data


def write_in_place(descriptor: int, data: bytes, contents: bytes) -> None:
    """Give a file that has the bytes `data` other `contents`. When a draft is on the disk, the change counts.

    Raises:
        OSError: there is no room for the draft. The file is as it was.
    """
    before = contents_of(data)
    if data != before and data.startswith(before):  # else what is appended could complete a draft that is not whole
        os.fsync(descriptor)
        os.ftruncate(descriptor, len(before))
        data = before
    # The draft begins after both contents, so that writing the new ones never touches it.
    gap = max(len(contents) - len(data), 0) + 1
    code = base64.b64encode(contents)
    lines = (b"#~" + code[at : at + _CODE_BYTES] + b"\n" for at in range(0, len(code), _CODE_BYTES))
    draft = b"\n" * gap + _BEGIN + b"#~ %d\n" % gap + b"".join(lines) + b"#~~" + _digest(contents) + b"\n"
    if len(data) + len(draft) > MOST_BYTES:
        raise OSError(errno.EFBIG, "it is too long to be changed in place, and cannot be replaced")
    try:
        _write(descriptor, draft, len(data))
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, len(data))
        raise
    with suppress(OSError):  # whoever reads the file takes the draft, and the next change tries again
        _write(descriptor, contents, 0)
        os.fsync(descriptor)
        os.ftruncate(descriptor, len(contents))
        os.fsync(descriptor)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def _digest(contents: bytes) -> bytes:
    return hashlib.blake2b(contents, digest_size=16).hexdigest().encode()
