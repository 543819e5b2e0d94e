"""What is being written and has no name yet: by one process at a time, with nothing left over.

A killed process leaves its unfinished work under a hidden name, and lets go of it; the next one
that writes to the same place clears it away. Two that write at once would mix their files, so the
second is refused.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import Conflict


@contextmanager
def unfinished_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder beside `out` to fill and to rename; where that fails it goes again.

    Raises
    ------
    Conflict
        Where another process is writing `out`.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "records"
    >>> with unfinished_folder(out) as part:
    ...     _ = part.rename(out)
    >>> out.is_dir()
    True
    """
    part = _beside(out)
    part.mkdir(exist_ok=True)
    with _held(part, os.O_RDONLY | os.O_DIRECTORY, out):
        try:
            for left in part.iterdir():  # by a process that was killed
                left.unlink()
            yield part
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


@contextmanager
def unfinished_file(out: Path) -> Iterator[Path]:
    """Give a file beside `out` to write and to rename; where that fails it goes again.

    Raises
    ------
    Conflict
        Where another process is writing `out`, or it is a folder.
    """
    if out.is_dir():
        raise Conflict(f"{out} is a folder and is left as it is", remedy="Name a file.")
    part = _beside(out)
    with _held(part, os.O_RDWR | os.O_CREAT, out):
        try:
            yield part
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _beside(out: Path) -> Path:
    out = out.absolute()  # even '.' has a name then
    out.parent.mkdir(parents=True, exist_ok=True)
    return out.with_name(f".{out.name}.part")


@contextmanager
def _held(part: Path, flags: int, out: Path) -> Iterator[None]:
    """Hold a place while working on it; the system lets go of it when the process ends."""
    handle = os.open(part, flags | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.path.samestat(os.fstat(handle), os.stat(part))
        except (BlockingIOError, FileNotFoundError):
            mine = False
        if not mine:  # held, or finished and renamed by another process a moment ago
            raise Conflict(
                f"another process is writing {out}", remedy="Let it end, or name another place."
            )
        yield
    finally:
        os.close(handle)
