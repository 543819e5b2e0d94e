"""An erasure that was begun: what it did so far, until it is on the ledger that it reached its end.

Once the key is gone nothing on the ledger leads back to the person, so that it could not be known
from an erasure of nobody. The file that says so is named with a secret of the ledger's keys: who
has the folder alone cannot tell whose it is. It goes when the erasure is finished.
"""

from __future__ import annotations

import hmac
import json
from contextlib import suppress
from typing import Any

from features.files import sync, write_json
from features.home import home
from serving.ledger import Ledger


class Begun:
    """What an erasure did so far, on disk before it goes on.

    Attributes
    ----------
    earlier : bool
        It was begun before, and something ended it.
    entry : int or None
        The erasure's entry, where the ledger knew the person.
    rows : dict of str to int
        Lines that went, by kind of place.
    runs : dict of str to str
        The SHA-256 of what is left of each run.
    """

    def __init__(self, ledger: Ledger, nominal_id: str) -> None:
        name = hmac.digest(ledger.secret("erasure"), nominal_id.encode(), "sha256").hex()
        self._file = home() / "erasing" / f"{name}.json"
        self.earlier = self._file.is_file()
        said: dict[str, Any] = {}
        if self.earlier:
            with suppress(ValueError, TypeError):  # that it is there is what counts
                said = dict(json.loads(self._file.read_text(encoding="utf-8")))
        self.entry: int | None = said.get("entry")
        self.rows: dict[str, int] = {"loads": 0, "runs": 0, "files": 0, **said.get("rows", {})}
        self.runs: dict[str, str] = dict(said.get("runs", {}))
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write()
        for folder in (self._file.parent, home()):
            sync(folder)

    def at(self, entry: int) -> None:
        """Note the erasure's entry, before the key is destroyed."""
        self.entry = entry
        self._write()

    def went(self, kind: str, rows: int) -> None:
        """Note that lines went from a place."""
        self.rows[kind] += rows
        self._write()

    def left(self, run_id: str, sha256: str) -> None:
        """Note what a run is now, before its own description says it."""
        self.runs[run_id] = sha256
        self._write()

    def finished(self) -> None:
        """Forget it: it reached its end, or there is no such person."""
        self._file.unlink(missing_ok=True)
        sync(self._file.parent)

    def _write(self) -> None:
        write_json(self._file, {"entry": self.entry, "rows": self.rows, "runs": self.runs})
