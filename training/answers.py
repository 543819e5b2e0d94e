"""What only people can answer of a model's record: one short YAML; nothing missing is made up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import RootModel

from features.errors import UsageError
from features.home import home
from features.yaml_file import read_model

NOT_ANSWERED = "Not answered yet."
_EMPTY = ("", "todo", "tbc", "tba", "to be completed", "to be confirmed", "?", "-", "n/k")


@dataclass(frozen=True)
class Field:
    """A field of the record: its number in the standard, and whether people have to answer it."""

    number: str
    key: str
    title: str
    section: str
    asked: bool


class _Answers(RootModel[dict[str, str | None]]):
    """Answers by key."""


@lru_cache(maxsize=1)
def standard() -> dict[str, Any]:
    """Return the standard's template, as `training/data/atrs.yaml` has it."""
    text = (files("training") / "data" / "atrs.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@lru_cache(maxsize=1)
def fields() -> tuple[Field, ...]:
    """Return every field in the standard's order, then those of the annexes.

    Examples
    --------
    >>> [(f.number, f.title, f.asked) for f in fields()][:3]
    [('1.1', 'Name', False), ('1.2', 'Description', False), ('1.3', 'Website URL', True)]
    """
    found = [
        Field(f["number"], f["key"], f["title"], section["title"], f["kind"] == "asked")
        for section in standard()["sections"]
        for f in section["fields"]
    ]
    found += [Field("", f["key"], f["title"], "Annexes", True) for f in standard()["annexes"]]
    return tuple(found)


def asked() -> dict[str, Field]:
    """Return the fields that people have to answer, by key."""
    return {field.key: field for field in fields() if field.asked}


def place_of(question: str) -> Path:
    """Return where a question's answers are looked for unless a file is named."""
    return home() / "answers" / f"{question}.yaml"


def read_answers(question: str, file: Path | None = None) -> dict[str, str]:
    """Return the answers that were given; what is empty or says "to do" is not among them.

    Parameters
    ----------
    question : str
    file : Path, optional
        By default ``HOME/answers/QUESTION.yaml``, if it exists.

    Raises
    ------
    UsageError
        Where the file cannot be read, or answers what is not asked.
    """
    place = file or place_of(question)
    if file is None and not place.is_file():
        return {}
    said = read_model(_Answers, place, "answers", "Write 'key: text', one answer a key.").root
    unknown = [key for key in said if key not in asked()]
    if unknown:
        raise UsageError(
            f"{place}: nothing asks for {', '.join(unknown)}",
            remedy=f"Asked are: {', '.join(asked())}.",
            field="answers",
        )
    return {key: text.strip() for key, text in said.items() if text and not is_empty(text)}


def is_empty(text: str) -> bool:
    """Return whether an answer says nothing yet.

    Examples
    --------
    >>> is_empty(" TBC. "), is_empty("None: no supplier has access.")
    (True, False)
    """
    return text.strip().rstrip(".").casefold() in _EMPTY


def missing(answers: dict[str, str]) -> list[Field]:
    """Return the fields that nobody has answered yet."""
    return [field for key, field in asked().items() if key not in answers]


def blank(question: str) -> str:
    """Return a file of answers to fill in.

    Examples
    --------
    >>> print(blank("again").splitlines()[2])
    website:  # 1.3 Website URL
    """
    lines = [f"# What only people can answer of the record of {question}.", "# Empty: not yet."]
    lines += [f"{f.key}:  # {f'{f.number} {f.title}'.strip()}" for f in asked().values()]
    return "\n".join(lines) + "\n"
