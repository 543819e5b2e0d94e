"""The project's documents as tests read them: their text, blocks and command lines."""

from __future__ import annotations

import re
from pathlib import Path

from house import FLOORS, files, text

DOCUMENTS = [path for path in files() if path.suffix == ".md" and path.parts[0] not in FLOORS]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = {"sh", "bash"}


def said(path: Path | str) -> str:
    """A document's text."""
    return text(Path(path)) or ""


def blocks(path: Path | str, language: str) -> list[str]:
    """The blocks of a document that are written in a language, in order."""
    return [body for found, body in FENCE.findall(said(path)) if found == language]


def shell_lines(path: Path | str) -> list[str]:
    """The command lines of a document's shell blocks, continued lines joined."""
    bodies = [body for language, body in FENCE.findall(said(path)) if language in SHELL]
    joined = [line for body in bodies for line in body.replace("\\\n", " ").splitlines()]
    return [re.sub(r"  +", " ", line.strip()) for line in joined if line.strip()]
