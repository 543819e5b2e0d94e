"""Files: written so that whoever reads one finds all of the old or all of the new; their hash."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from features.errors import Conflict, UsageError
from features.unfinished import scratch_folder

Register = TypeVar("Register")


@contextmanager
def replacing(file: Path, *, durable: bool = False, private: bool = False) -> Iterator[Path]:
    """Give a hidden file near `file` to fill; it takes the name, and the place, once it is whole.

    Two may write the same file at once: the last one stays. What must be refused to a second
    writer goes through :mod:`features.unfinished`.

    Parameters
    ----------
    file : Path
        In a folder that exists. The file is made, or replaced.
    durable : bool
        Wait until the content is on disk before it takes the name, for what must outlive a loss
        of power.
    private : bool
        For nobody but this user to read; until it is whole, any file is.

    Yields
    ------
    Path
        Where to write. It is gone if writing fails; `file` is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with replacing(file) as part:
    ...     _ = part.write_text("whole", encoding="utf-8")
    >>> file.read_text(encoding="utf-8"), [left.name for left in file.parent.iterdir()]
    ('whole', ['note.txt'])
    """
    hidden = file.with_name(f".{file.name}")
    try:
        # a folder of its own for each writer, which no reader of tables or notes looks into
        with scratch_folder(file, parents=False) as folder:
            part = folder / "part"
            yield part
            if private:
                part.chmod(0o600)
            if durable:
                sync(part)
            os.replace(part, file)
    except OSError as failed:
        if str(failed.filename).startswith(str(hidden)):
            failed.filename = str(file)  # the name that whoever reads the message gave
        raise


def write_json(
    path: Path, data: Mapping[str, Any], *, durable: bool = True, mode: int | None = None
) -> None:
    """Write a JSON file in one piece: readers see the old or the new one, never half.

    Parameters
    ----------
    path : Path
    data : mapping
        Told by :func:`plain`, in its own order.
    durable : bool
        As of :func:`replacing`; False for what can be made again.
    mode : int, optional
        Who may read it; the process's own default where it is not given.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "said.json"
    >>> write_json(file, {"b": float("nan"), "a": 2})
    >>> json.loads(file.read_text(encoding="utf-8"))
    {'b': None, 'a': 2}
    """
    text = json.dumps(plain(data), indent=1, ensure_ascii=False) + "\n"
    with replacing(path, durable=durable) as part:
        # half a character, as of a file's name that is no text, becomes the escape that JSON has
        part.write_text(text, encoding="utf-8", errors="backslashreplace")
        if mode is not None:
            part.chmod(mode)


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return data as JSON can tell it: dates as text, what is no finite number as null.

    Examples
    --------
    >>> plain({"ratio": float("inf"), "pair": (1, 2.5)})
    {'ratio': None, 'pair': [1, 2.5]}
    """
    text = json.dumps(data, default=_told)
    told: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return told


def _told(value: Any) -> Any:
    """Return what JSON knows for what it does not: NumPy's numbers as numbers, others as text."""
    item = getattr(value, "item", None)
    return str(value) if item is None else item()


def sync(path: Path) -> None:
    """Wait until a file is on disk, or of a folder the names that are in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as some:
    ...     sync(Path(some.name))
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(file: Path) -> str:
    """Return a file's SHA-256 in hexadecimal, read piece by piece.

    Examples
    --------
    >>> sha256(Path(os.devnull))[:8]
    'e3b0c442'
    """
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_as(found: Register, file: Path, writers: Mapping[str, Callable[[Register], str]]) -> None:
    """Write a register to a file in the form that the file's ending names.

    Parameters
    ----------
    found : object
        What each writer turns into text.
    writers : mapping of ending to function
        The forms there are.

    Raises
    ------
    UsageError
        For any other ending.

    Examples
    --------
    >>> write_as([1], Path("register.docx"), {".txt": str})
    Traceback (most recent call last):
    ...
    features.errors.UsageError: register.docx: a register ends in .txt. Give --out such a name.
    """
    if file.suffix not in writers:
        raise UsageError(
            f"{file}: a register ends in {', '.join(writers)}",
            remedy="Give --out such a name.",
            field="out",
        )
    with replacing(file) as part:
        part.write_text(writers[file.suffix](found), encoding="utf-8", newline="")


def all_there(paths: Iterable[str | Path], *, field: str) -> list[Path]:
    """Return paths that all exist, or refuse those that do not, all at once.

    Examples
    --------
    >>> all_there(["no.csv", "neither.csv"], field="also")
    Traceback (most recent call last):
    ...
    features.errors.UsageError: there is no no.csv, neither.csv. Check the paths.
    """
    found = [Path(path) for path in paths]
    missing = [str(path) for path in found if not path.exists()]
    if missing:
        raise UsageError(
            f"there is no {', '.join(missing)}", remedy="Check the paths.", field=field
        )
    return found


def folder_stands(out: Path, *, field: str) -> None:
    """Refuse to write where there is no folder to write in.

    Examples
    --------
    >>> folder_stands(Path("/no/such/scores.csv"), field="out")
    Traceback (most recent call last):
    ...
    features.errors.UsageError: /no/such/scores.csv: the folder /no/such does not exist. \
Make it first.
    """
    if not out.absolute().parent.is_dir():
        raise UsageError(
            f"{out}: the folder {out.absolute().parent} does not exist",
            remedy="Make it first.",
            field=field,
        )


def is_new(out: Path) -> None:
    """Refuse to write over what exists already.

    Examples
    --------
    >>> is_new(Path("/"))
    Traceback (most recent call last):
    ...
    features.errors.Conflict: / exists already. Name another.
    """
    if out.exists():
        raise taken(out)


def taken(out: Path) -> Conflict:
    """Return the refusal of a place to write where something exists already."""
    return Conflict(f"{out} exists already", remedy="Name another.", field="out")
