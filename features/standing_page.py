"""Pages that stand alone: one HTML file to read, print and hand on, nothing fetched for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(package: str, name: str, **filters: Callable[..., Any]) -> Template:
    """Return a template of a package; what it is given is escaped, and what it lacks is an error.

    Examples
    --------
    >>> template("features", "calibration.html", figure=str).name
    'calibration.html'
    """
    environment = Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(name)
