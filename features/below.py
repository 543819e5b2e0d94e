"""What lies below a folder, also behind links: whoever looks for people must not pass one over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def below(folder: Path) -> Iterator[Path]:
    """Yield all files and folders below a folder, each folder's in order, and no folder twice.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "round").symlink_to(folder)
    >>> (folder / "note.txt").touch()
    >>> [path.name for path in below(folder)]
    ['note.txt']
    """
    seen = {folder.resolve()}
    for place, folders, names in os.walk(folder, followlinks=True):
        here, new = Path(place), []
        for name in sorted(folders):
            if (real := (here / name).resolve()) not in seen:
                seen.add(real)
                new.append(name)
        folders[:] = new
        yield from (here / name for name in sorted((*new, *names)))
