"""Everything that has an aim, measured one after the other, and the one page that tells of it.

What a part found is kept as soon as it is found, so that a run that was cut short loses nothing,
and one part can be measured again without the others. The page is written from what is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import asked, batch, fitting, pages, running, serving, table
from benchmarks.asked import Figure
from features.errors import UsageError
from features.files import replacing

SMALL = "Measured in small, to see that it works: these figures say nothing."


@dataclass(frozen=True)
class Sizes:
    """How much each part measures.

    Attributes
    ----------
    repeats : int
        Runs of each measure; the median counts.
    features : benchmarks.asked.Asked
    service : benchmarks.serving.Asked
    rows : int
        Of a batch, on records of the service's size.
    fitted, columns : int
        Rows and columns of the matrix that is fitted.
    people, trees : int
        On record, and of the booster, where pages of a list are asked for.
    requests : int
        For each of these pages.
    about : str
        What a reader of the figures has to know of the sizes; empty where they are the usual ones.
    """

    repeats: int
    features: asked.Asked
    service: serving.Asked
    rows: int = 50_000
    fitted: int = 100_000
    columns: int = 150
    people: int = 210_000
    trees: int = 50
    requests: int = 20
    about: str = ""

    @classmethod
    def usual(cls, cache: Path, repeats: int) -> Sizes:
        """Return the sizes that the aims are about."""
        return cls(repeats, asked.Asked(repeats=repeats, cache=cache), serving.Asked())

    @classmethod
    def small(cls, cache: Path, repeats: int) -> Sizes:
        """Return sizes that show in a minute that all of it works; the figures say nothing."""
        features = asked.Asked(10_000, 1_000, 2, repeats, cache=cache)
        service = serving.Asked(10_000, 1_000, 100, 20.0, 20)
        return cls(repeats, features, service, 1_000, 2_000, 20, 500, 20, 2, SMALL)


Command = Callable[[str], str]


def _features(sizes: Sizes, tell: Callable[[str], None]) -> tuple[list[Figure], Command]:
    return list(running.run(sizes.features, tell)), sizes.features.command


def _service(sizes: Sizes, tell: Callable[[str], None]) -> tuple[list[Figure], Command]:
    def once() -> Iterator[Figure]:
        return serving.run(sizes.service, sizes.features.cache, tell)

    return repeated(once, sizes.repeats), lambda _: sizes.service.command()


def _batch(sizes: Sizes, tell: Callable[[str], None]) -> tuple[list[Figure], Command]:
    on = sizes.service
    records = {"events": on.events, "people": on.people, "trees": on.trees}

    def once() -> Iterator[Figure]:
        return batch.run(sizes.features.cache, rows=sizes.rows, **records, tell=tell)

    found = repeated(once, sizes.repeats)
    usual = asdict(serving.Asked())
    more = "".join(f" --{name} {size}" for name, size in records.items() if size != usual[name])
    return found, lambda _: f"precursor bench score --rows {sizes.rows}{more}"


def _fitting(sizes: Sizes, tell: Callable[[str], None]) -> tuple[list[Figure], Command]:
    given = f"--rows {sizes.fitted} --columns {sizes.columns} --repeats {sizes.repeats}"
    found = fitting.run(sizes.fitted, sizes.columns, sizes.repeats, 1, tell)
    return found, lambda _: f"precursor bench fitting {given}"


def _pages(sizes: Sizes, tell: Callable[[str], None]) -> tuple[list[Figure], Command]:
    tell("pages of a list")
    size = {"people": sizes.people, "requests": sizes.requests, "trees": sizes.trees}
    found = list(pages.run(sizes.features.cache, **size))
    given = "".join(f" --{name} {number}" for name, number in size.items())
    return found, lambda _: f"precursor bench pages{given}"


PARTS = {
    "features": _features,
    "service": _service,
    "batch": _batch,
    "fitting": _fitting,
    "pages": _pages,
}
"""What is measured, in the order of the page."""


def repeated(once: Callable[[], Iterator[Figure]], repeats: int) -> list[Figure]:
    """Return the median of each figure over several runs.

    Examples
    --------
    >>> taken = iter([3.0, 1.0, 2.0])
    >>> repeated(lambda: iter([Figure("one", "a row", next(taken), "ms")]), 3)[0].value
    2.0
    """
    found = []
    for same in zip(*(list(once()) for _ in range(repeats)), strict=True):
        values = tuple(figure.value for figure in same if figure.value is not None)
        told = values and len(set(values)) > 1
        found.append(replace(same[0], value=median(values), runs=values) if told else same[0])
    return found


def run(only: Sequence[str], sizes: Sizes, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure parts, keep what each found, and return what is kept of all.

    Raises
    ------
    UsageError
        A part is not known.
    PrecursorError
        A measure failed; what was found before it is kept.
    """
    unknown = [part for part in only if part not in PARTS]
    if unknown:
        raise UsageError(
            f"bench: there is no part '{unknown[0]}'", remedy=f"Name one of {', '.join(PARTS)}."
        )
    cache = sizes.features.cache
    cache.mkdir(parents=True, exist_ok=True)
    for part in only or PARTS:
        figures, command = PARTS[part](sizes, tell)
        found = {
            "part": part,
            "about": sizes.about,
            "circumstances": table.circumstances(),
            "figures": [{**asdict(one), "command": command(one.part)} for one in figures],
        }
        with replacing(_kept(cache, part)) as unfinished:
            unfinished.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    return kept(cache)


def _kept(cache: Path, part: str) -> Path:
    return cache / f"found-{part}.json"


def kept(cache: Path) -> list[dict[str, Any]]:
    """Return what was found of each part when it was last measured."""
    files = [_kept(cache, part) for part in PARTS]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]


def figures(found: dict[str, Any]) -> list[Figure]:
    """Return the figures of one part as they were found."""
    own = [field.name for field in fields(Figure) if field.name != "runs"]
    return [
        Figure(**{name: one[name] for name in own}, runs=tuple(one["runs"]))
        for one in found["figures"]
    ]


def markdown(parts: Sequence[dict[str, Any]]) -> str:
    """Return the page's figures: ratios and aims of all parts first, then each part in full."""
    lines = ["### Ratios and aims", "", "| what | median | aim | |", "| --- | ---: | ---: | --- |"]
    for found in parts:
        for one in figures(found):
            if one.aim or one.unit == "×":
                words = {True: "met", False: "**missed**", None: ""}[one.met]
                title = f"{table.TITLES[one.part]}: {one.what}"
                lines.append(f"| {title} | {one.shown()} | {one.aim} | {words} |")
    measured = {found["part"] for found in parts}
    absent = [part for part in PARTS if part not in measured]
    if absent:
        lines += ["", f"Not measured yet: {', '.join(absent)}."]
    for found in parts:
        commands = {one["part"]: one["command"] for one in found["figures"]}
        told = table.markdown(commands.__getitem__, figures(found), found["circumstances"])
        lines += ["", f"### {found['part'].capitalize()}", ""]
        lines += [found["about"], ""] if found["about"] else []
        lines.append(told)
    return "\n".join(lines)
