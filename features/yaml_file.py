"""A YAML file that a person wrote: no key twice, no unknown entry, all of its faults at once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from features.errors import UsageError

Written = TypeVar("Written", bound=BaseModel)

MOST = 50_000
"""How many entries a mapping may have in one place."""

# 2026-99-99; a million brackets; tags on what they do not fit, such as !!bool maybe
_BROKEN = (yaml.YAMLError, ValueError, RecursionError, LookupError, AttributeError, TypeError)


def read_yaml(file: Path, what: str) -> Any:
    """Read a file of YAML.

    Parameters
    ----------
    file : Path
    what : str
        What it holds, such as ``question``; an error names it as its field.

    Raises
    ------
    UsageError
        It does not exist, cannot be read, is not YAML, or has a key twice in one place.
    """
    try:
        return yaml.load(file.read_text(encoding="utf-8"), _Once)
    except FileNotFoundError as missing:
        raise UsageError(
            f"{file} does not exist", remedy="Check the path.", field=what
        ) from missing
    except OSError as unread:
        raise UsageError(
            f"{file}: cannot be read ({unread.strerror})",
            remedy="Name a file that this user may read.",
            field=what,
        ) from unread
    except _BROKEN as broken:
        raise UsageError(
            f"{file}: this is not YAML ({_why(broken)})",
            remedy=f"Write the {what} as YAML.",
            field=what,
        ) from broken


def read_model(model: type[Written], file: Path, what: str, remedy: str = "") -> Written:
    """Read a file of YAML as what it says it is.

    Raises
    ------
    UsageError
        It cannot be read, is not YAML, or has unknown or wrong entries; all are listed.
    """
    said = read_yaml(file, what)
    try:
        return model.model_validate({} if said is None else said)
    except ValidationError as wrong:
        raise UsageError(
            f"{file}: {'; '.join(faults(wrong))}",
            remedy=remedy or f"Mend these entries of the {what}.",
            field=what,
            code=f"bad_{what}",
        ) from wrong


def faults(wrong: ValidationError) -> list[str]:
    """Return every fault with its place, as the file has it.

    Examples
    --------
    >>> from pydantic import create_model
    >>> try:
    ...     create_model("Event", days=(int, ...)).model_validate({"days": "x"})
    ... except ValidationError as wrong:
    ...     faults(wrong)
    ['days: Input should be a valid integer, unable to parse string as an integer']
    """
    said = []
    for fault in wrong.errors():
        # without the names of alternatives that were tried
        place = ".".join(str(p) for p in fault["loc"] if not re.search(r"[(\[]|^str$", str(p)))
        why = fault["msg"].removeprefix("Value error, ")
        if fault["type"] in ("model_type", "dict_type"):
            why = "write a mapping here, such as 'name: value'"
        if fault["type"] == "extra_forbidden":
            why = "there is no entry of this name"
        said.append(": ".join(filter(None, (place, why))))
    return said


def _why(broken: Exception) -> str:
    """Return what is wrong and where, in one line and without the lines of the file themselves.

    Whoever is told of a fault need not be one who may read the file.
    """
    mark = getattr(broken, "problem_mark", None)
    if not isinstance(broken, yaml.MarkedYAMLError) or mark is None:
        return " ".join(str(broken).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {broken.problem}"


class _Once(yaml.SafeLoader):
    """YAML in which a key that stands twice is refused: the first of the two would be lost.

    So is text that no database and no file can hold.
    """

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if re.search(r"[\0\ud800-\udfff]", str(node.value)):
            raise yaml.constructor.ConstructorError(
                None, None, "a null character, or half of one", node.start_mark
            )
        return super().construct_scalar(node)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST:  # mappings merged into mappings, tenfold each time
            raise yaml.constructor.ConstructorError(
                None, None, f"more than {MOST:,} entries in one place", node.start_mark
            )

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        twice = sorted(str(key) for key, times in keys.items() if times > 1)
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"{', '.join(twice)}: there twice; join the two", node.start_mark
            )
        return super().construct_mapping(node, deep)
