"""The questions that Precursor can be asked, one YAML each; adding one needs no code."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from features.errors import NotFound
from features.question import Question, read_question


def names() -> list[str]:
    """Return the names of all questions.

    Examples
    --------
    >>> len(names()), names()[0], names()[-1]
    (12, 'broward_felony_1y', 'stalking_escalation')
    """
    found = [
        Path(str(entry)).stem for entry in files(__name__).iterdir() if entry.name.endswith(".yaml")
    ]
    return sorted(found)


def question(name: str) -> Question:
    """Return a question by its name, or by the path of its YAML.

    Parameters
    ----------
    name : str
        One of `names()`, or a path that ends in ``.yaml``.

    Raises
    ------
    NotFound
        For a name that no question has; the known ones are listed.

    Examples
    --------
    >>> question("domestic_abuse_high_harm").horizon_days
    365
    >>> question("tomorrow")
    Traceback (most recent call last):
    ...
    features.errors.NotFound: there is no question 'tomorrow'. Questions are: broward_felony_1y, ...
    """
    if name.endswith((".yaml", ".yml")):
        return read_question(Path(name))
    if name not in names():
        raise NotFound(
            f"there is no question '{name}'",
            remedy=f"Questions are: {', '.join(names())}; or give the path of a YAML of your own.",
            field="question",
            code="unknown_question",
        )
    return read_question(Path(str(files(__name__).joinpath(f"{name}.yaml"))))
