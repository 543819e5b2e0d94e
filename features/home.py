"""Where Precursor keeps its state on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the state folder: ``PRECURSOR_HOME``, or ``.precursor`` in the working folder.

    Examples
    --------
    >>> home().is_absolute()
    True
    """
    return Path(os.environ.get("PRECURSOR_HOME") or ".precursor").absolute()
