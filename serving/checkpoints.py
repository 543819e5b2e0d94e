"""Heads of the ledger noted down outside it, so that a cut-off tail or a whole new chain shows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy.engine import URL

from serving.chain import Head

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

    @classmethod
    def of(cls, url: URL, home: Path) -> Checkpoints:
        """Return the checkpoints of a ledger; they move with a state folder that holds both."""
        if url.get_backend_name() == "sqlite":
            path = Path(str(url.database))
            name = str(path.relative_to(home) if path.is_relative_to(home) else path)
        else:
            name = f"{url.host or url.query.get('host')}:{url.port}/{url.database}"
        return cls(home / "checkpoints" / f"ledger-{sha256(name.encode()).hexdigest()[:12]}.jsonl")

    def note(self, head: Head, at: str) -> None:
        """Write a head down, durably; readers alone can be told, so one line is one write."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = json.dumps({"seq": head.seq, "hash": head.hash, "at": at}) + "\n"
        handle = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                # A crash cut the last line short; it must not spoil this one.
                line = "\n" + line
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def __iter__(self) -> Iterator[tuple[int, Head | None]]:
        """Yield each line's number and its head; None for a line that cannot be read."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    found = json.loads(line)
                    yield number, Head(int(found["seq"]), str(found["hash"]))
                except (ValueError, TypeError, KeyError):
                    yield number, None
