"""What is being written and has no name yet: by one process at a time, with nothing left over.

A killed process leaves its unfinished work under a hidden name, and lets go of it; the next one
that writes to the same place clears it away. Two that write at once would mix their files, so the
second is refused.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.below import below
from features.errors import Conflict

_ENDING = ".unfinished"
"""Of a place that is locked while it is worked on, so that nobody waits for a killed process."""


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
    _parents(out)
    with _folder(out) as part:
        yield part


@contextmanager
def scratch_folder(beside: Path, *, parents: bool = True) -> Iterator[Path]:
    """Give an empty folder that only this user may read; it goes again, whatever happens.

    Parameters
    ----------
    beside : Path
        What is made in it; the folder lies in the same one.
    parents : bool
        Make that one too where there is none.

    Examples
    --------
    >>> import tempfile
    >>> with scratch_folder(Path(tempfile.mkdtemp()) / "copy") as folder:
    ...     _ = (folder / "note.txt").write_text("about somebody", encoding="utf-8")
    >>> folder.exists()
    False
    """
    if parents:
        _parents(beside)
    with _folder(beside.with_name(f"{beside.name}-{secrets.token_hex(4)}"), mode=0o700) as part:
        try:
            yield part
        finally:
            drop(part)


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
    _parents(out)
    part = _beside(out)
    with _held(part, os.O_RDWR | os.O_CREAT, out):
        try:
            yield part
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def left_behind(folder: Path) -> list[Path]:
    """Return the unfinished files and folders under a folder that nobody writes any more.

    Whoever was killed half-way left them; what they hold may be about anybody.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "records"
    >>> with unfinished_folder(out) as part:
    ...     left_behind(out.parent)
    []
    >>> [left.name for left in left_behind(out.parent)]
    ['.records.unfinished']
    """
    return sorted(part for part in below(folder) if _hidden(part) and _free(part))


def drop(left: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if left.is_dir() and not left.is_symlink():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)


def _hidden(part: Path) -> bool:
    return part.name.startswith(".") and part.name.endswith(_ENDING)


def _free(part: Path) -> bool:
    """Return whether nobody holds a place to work on it."""
    try:
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # finished a moment ago, or no part of ours
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _parents(out: Path) -> None:
    out.absolute().parent.mkdir(parents=True, exist_ok=True)


def _beside(out: Path) -> Path:
    out = out.absolute()  # even '.' has a name then
    return out.with_name(f".{out.name}{_ENDING}")


@contextmanager
def _folder(out: Path, mode: int = 0o777) -> Iterator[Path]:
    part = _beside(out)
    part.mkdir(mode, exist_ok=True)
    with _held(part, os.O_RDONLY | os.O_DIRECTORY, out):
        try:
            for left in part.iterdir():  # by a process that was killed
                drop(left)
            yield part
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


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
