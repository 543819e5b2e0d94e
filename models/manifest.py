"""The manifest of a saved model: its formats, its seal, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from features.errors import Conflict

FORMAT = 2
"""Of the manifest. It says how contributions are computed too, for a replay compares their bits: in
format 1 by LightGBM, from 2 on by `models.shapley` where a booster has such tables."""
BOOSTER, MANIFEST = "booster.txt", "manifest.json"


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of a file's content, as manifests and the ledger name it."""
    return hashlib.sha256(content).hexdigest()


def seal(manifest: Mapping[str, Any]) -> str:
    """Return what a manifest says of itself; it holds off slips and damage, not who writes both."""
    return sha256_of(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())


def changed(place: Path, found: str) -> Conflict:
    """Return the refusal of a model's file that is not what was saved."""
    return Conflict(
        f"{place}: this model's files were changed after it was saved ({found})",
        remedy="Restore them from the registry, or train and promote the model again.",
        code="model_changed",
    )


def opened(folder: Path, booster: bytes, text: bytes) -> dict[str, Any]:
    """Return what a manifest says, or refuse it or the booster beside it.

    Raises
    ------
    Conflict
        It is not what was saved, or of a format of another release.
    """
    try:
        data = json.loads(text)
        intact = data.pop("seal") == seal(data)
    except (ValueError, AttributeError, KeyError, TypeError) as broken:
        raise changed(folder / MANIFEST, "it is not the JSON that was written") from broken
    if not intact:
        raise changed(folder / MANIFEST, "its seal does not fit")
    if data["format"] not in range(1, FORMAT + 1):
        raise Conflict(
            f"{folder / MANIFEST}: format {data['format']}, this release reads 1 to {FORMAT}",
            remedy="Serve it with the release it was trained with, or train it again.",
        )
    if data["booster_sha256"] != sha256_of(booster):
        raise changed(folder / BOOSTER, "its SHA-256 is not the manifest's")
    return dict(data)
