"""The project's own files, as the tests of the house read them."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {"features": 0, "models": 1, "training": 2, "serving": 2}
LEFT_BEHIND = {".venv", ".git", ".precursor", "__pycache__", "build", "dist", "node_modules"}


@cache
def files() -> tuple[Path, ...]:
    """Return the project's files relative to its root: what git keeps, else all there is."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [Path(name) for name in listed.stdout.split("\0") if name]
    else:
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        found = [path for path in found if not LEFT_BEHIND & set(path.parts)]
    return tuple(sorted({path for path in found if (ROOT / path).is_file()}))


@cache
def text(path: Path) -> str | None:
    """Return what a file says, or nothing where it is no text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@cache
def tree(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def product() -> list[Path]:
    """Return the modules of the four floors and the door, `precursor.py`."""
    modules = [path for path in files() if path.suffix == ".py"]
    return [path for path in modules if path.parts[0] in FLOORS or path == Path("precursor.py")]


def module_name(path: Path) -> str:
    """Return the dotted name a file is imported by."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
