"""What is checked before it is recorded, and the entry that is ready to be linked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.errors import UsageError
from serving.chain import IN_FORCE, OUT_OF_FORCE, Action, Head, canonical, entry_hash
from serving.guards import FIRST
from serving.leaves import SealedLeaf
from serving.merkle import merkle_root

LONGEST = {"actor": 200, "role": 50, "purpose": 1000, "question": 200}
"""How many characters each text of an entry may have."""

PERSONAL = frozenset({"nominal_id", "nominal_ids", "date_of_birth", "surname", "forename"})
"""Keys that no body may have: what is about one person goes into that person's leaf."""

NAMES_A_PERSON = "the purpose names the person it is about, and no erasure could take that back"
WITHOUT_THE_ID = (
    "Say what it is for without the id. On pages that is what you signed in for: sign out, and in"
    " again with another purpose."
)
_MARKS = ".,;:!?()[]{}'\"/"
_SHORT = re.compile("[0-9]{1,4}")


class NamesAPerson(UsageError):
    """A purpose names the person it is about: it may stand nowhere, in no refusal either."""

    code = "names_a_person"


@dataclass(frozen=True, slots=True)
class UnlinkedEntry:
    """An entry that is ready to be linked: all that takes time has been done."""

    action: str
    actor: str
    role: str
    purpose: str
    question: str | None
    body: Mapping[str, Any]
    leaves: Sequence[SealedLeaf] = ()

    def follow(self, last: Head | None, at: str) -> dict[str, Any]:
        """Return the fields of the entry, bound to the last one, and its hash."""
        root = merkle_root(leaf.hash for leaf in self.leaves)
        fields: dict[str, Any] = {
            "seq": last.seq + 1 if last else 1,
            "at": at,
            "actor": self.actor,
            "role": self.role,
            "action": self.action,
            "purpose": self.purpose,
            "question": self.question,
            "body": canonical(self.body),
            "leaf_count": len(self.leaves),
            "root": root.hex() if root else None,
            "previous_hash": last.hash if last else FIRST,
        }
        return fields | {"hash": entry_hash(fields)}


def faults(
    action: str,
    texts: Mapping[str, str | None],
    body: Mapping[str, Any],
    people: Iterable[str] = (),
) -> list[tuple[str, str]]:
    """Return every reason, with its field, why an entry may not be recorded so.

    Parameters
    ----------
    action : str
    texts : mapping
        actor, role, purpose and question.
    body : mapping
    people : iterable of str
        The nominal ids of the entry's leaves, none of which may stand in the body.

    Examples
    --------
    >>> faults("score", {"actor": "a", "role": "analyst", "purpose": " "}, {})
    [('purpose', 'purpose is empty')]
    """
    found: list[tuple[str, str]] = []
    if action not in set(Action):
        found.append(("action", f"{action!r} is none of the actions that can be recorded"))
    for name, value in texts.items():
        if value is None and name == "question":
            continue
        if not isinstance(value, str) or not value.strip():
            found.append((name, f"{name} is empty"))
        elif len(value) > LONGEST[name]:
            found.append((name, f"{name} has {len(value)} characters, {LONGEST[name]} at most"))
        elif not all(character.isprintable() or character == "\n" for character in value):
            found.append((name, f"{name} has characters that cannot be shown"))
    if action in IN_FORCE | OUT_OF_FORCE and texts.get("question") is None:
        found.append(("question", f"a {action} needs its question"))
    if action in IN_FORCE:
        if not (isinstance(body.get("version"), int) and body["version"] > 0):
            found.append(("body", f"a {action} needs the model's version, a whole number"))
        if not _is_sha256(body.get("sha256")):
            found.append(("body", f"a {action} needs the model file's SHA-256"))
    people = frozenset(people)
    if named_in(texts.get("purpose"), people):
        found.append(("purpose", NAMES_A_PERSON))
    # wider than an id is today (`features.names.is_id`): what is done with a score from before that
    # was so, a look at it too, has to be recorded under the id that it was given to
    found += [
        ("nominal_id", f"{nominal_id!r} cannot be a nominal id")
        for nominal_id in people
        if not (isinstance(nominal_id, str) and 0 < len(nominal_id) <= 200)
        or not nominal_id.isprintable()
    ]
    found += [("body", why) for why in _personal(body, people)]
    return found


def named_in(purpose: str | None, people: frozenset[str]) -> bool:
    """Return whether a purpose, which no erasure can take back, has the id of one of these people.

    Where it is about several, a number of up to four digits is a day, a week or a year, though one
    of them may have it for an id. Where it is about one person, their id is that person's.

    Examples
    --------
    >>> named_in("request of N12, by letter", frozenset({"N12"}))
    True
    >>> named_in("list of week 12 in 2026", frozenset({"12", "2026"}))
    False
    >>> named_in("father of 4711 rang", frozenset({"4711"}))
    True
    """
    words = (purpose or "").split()
    named = people & {*words, *(word.strip(_MARKS) for word in words)}
    return any(len(people) == 1 or not _SHORT.fullmatch(word) for word in named)


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _personal(value: object, people: frozenset[str]) -> list[str]:
    """Find what is about one person where only what is about nobody may stand."""
    if isinstance(value, Mapping):
        keys = [f"body may not have {key!r}: it is personal" for key in value if key in PERSONAL]
        return keys + [why for inner in value.values() for why in _personal(inner, people)]
    if isinstance(value, list | tuple):
        return [why for inner in value for why in _personal(inner, people)]
    return ["body names a person of the entry"] if value in people else []
