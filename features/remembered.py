"""What is worked out of an object once, and kept for as long as the object lives."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

Object = TypeVar("Object")
Made = TypeVar("Made")


def remembered(make: Callable[[Object], Made]) -> Callable[[Object], Made]:
    """Make something of each object once; unlike a cache of results, it keeps no object alive.

    What is made must not hold the object.

    Examples
    --------
    >>> class Model:
    ...     pass
    >>> asked = []
    >>> known = remembered(lambda model: asked.append(model) or len(asked))
    >>> model = Model()
    >>> known(model), known(model)
    (1, 1)
    """
    kept: WeakKeyDictionary[Object, Made] = WeakKeyDictionary()

    @wraps(make)
    def of(one: Object) -> Made:
        try:
            return kept[one]
        except KeyError:
            return kept.setdefault(one, make(one))

    return of
