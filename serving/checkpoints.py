"""Heads of the ledger noted down outside it, so that a cut-off tail or a whole new chain shows.

The last head is noted after every entry, in one place that is written over; every hundredth one is
kept for good. ``PRECURSOR_CHECKPOINTS`` names a further folder to note them in, best one that is
out of reach of whoever can write to the ledger: another machine's, mounted for appending.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy.engine import URL

from features.errors import UsageError
from serving.chain import Head

ELSEWHERE = "PRECURSOR_CHECKPOINTS"
"""The setting that names a further folder for checkpoints."""

EVERY = 100
"""How many entries lie between two checkpoints that are noted by themselves."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """A file of heads beside the ledger, one JSON object a line: ``seq``, ``hash`` and ``at``.

    Parameters
    ----------
    path : Path

    Examples
    --------
    >>> import tempfile
    >>> notes = Checkpoints(Path(tempfile.mkdtemp()) / "ledger.jsonl")
    >>> notes.note(Head(1, "ab" * 32), "2026-02-01T00:00:00.000000Z")
    >>> [head.seq for _, head in notes]
    [1]
    """

    path: Path
    elsewhere: Path | None = None

    @classmethod
    def of(cls, url: URL, home: Path) -> Checkpoints:
        """Return the checkpoints of a ledger; they move with a state folder that holds both."""
        if url.get_backend_name() == "sqlite":
            path = Path(str(url.database))
            name = str(path.relative_to(home) if path.is_relative_to(home) else path)
        else:
            name = f"{url.host or url.query.get('host')}:{url.port}/{url.database}"
        file = f"ledger-{sha256(name.encode()).hexdigest()[:12]}.jsonl"
        further = os.environ.get(ELSEWHERE)
        if further and not Path(further).is_dir():
            raise UsageError(
                f"{ELSEWHERE}: {further} is no folder", remedy="Make or mount it, or unset it."
            )
        return cls(home / "checkpoints" / file, Path(further) / file if further else None)

    @property
    def places(self) -> tuple[Path, ...]:
        """The files that heads are noted in."""
        return (self.path,) if self.elsewhere is None else (self.path, self.elsewhere)

    def note(self, head: Head, at: str) -> None:
        """Write a head down, durably; readers alone can be told, so one line is one write."""
        for path in self.places:
            line = _line(head, at)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o600)
            try:
                size = os.fstat(handle).st_size
                if size and os.pread(handle, 1, size - 1) != b"\n":
                    # A crash cut the last line short; it must not spoil this one.
                    line = "\n" + line
                os.write(handle, line.encode())
                os.fsync(handle)
            finally:
                os.close(handle)

    def mark(self, head: Head, at: str) -> None:
        """Note the last head where the one before stood: any process may, the highest stays.

        It outlives a killed process. Only a machine that loses power may lose it, up to the last
        head that was noted for good.
        """
        for path in self.places:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(_last(path), os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                there = _head(os.pread(handle, 4096, 0).decode(errors="replace"))
                if there is None or there.seq < head.seq:
                    line = _line(head, at).encode()
                    os.pwrite(handle, line, 0)
                    os.ftruncate(handle, len(line))
            finally:
                os.close(handle)

    def __iter__(self) -> Iterator[tuple[str, Head | None]]:
        """Yield each noted head with its place; None for a line that cannot be read."""
        for path in self.places:
            for file in (path, _last(path)):
                if not file.exists():
                    continue
                with file.open(encoding="utf-8", errors="replace") as lines:
                    for number, line in enumerate(lines, start=1):
                        yield f"{file}, line {number}", _head(line)


def _last(path: Path) -> Path:
    return path.with_suffix(".last")


def _line(head: Head, at: str) -> str:
    return json.dumps({"seq": head.seq, "hash": head.hash, "at": at}) + "\n"


def _head(line: str) -> Head | None:
    try:
        found = json.loads(line)
        return Head(int(found["seq"]), str(found["hash"]))
    except (ValueError, TypeError, KeyError):
        return None
