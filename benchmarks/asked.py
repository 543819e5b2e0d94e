"""What a run of the benchmark is asked to measure, and the figures that it answers with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path

from features.errors import UsageError

PARTS = ("peer", "whole", "events", "columns", "one", "memory", "check", "spark")
"""What can be asked for one by one."""

EVENTS, PEOPLE, TREES = 1_000_000, 100_000, 300
"""Of what the service and a batch are measured on: rows of history, people, and the booster."""

_LEAST = {"events": 10_000, "people": 1_000, "dates": 1, "repeats": 1}


@dataclass(frozen=True)
class Asked:
    """Sizes and parts of a run.

    Attributes
    ----------
    events, people : int
        Of the big load; the peer is given a tenth of both, Spark one, two and five tenths.
    dates : int
        As-of dates, half a year apart.
    repeats : int
        How often each measure is taken; the median counts.
    memory : str
        The limit on the database under which the big load must be finished as well.
    seed : int
    only : tuple of str
        Some of :data:`PARTS`.
    cache : Path
        Where loads and the peer's environment stay for the next run.

    Examples
    --------
    >>> Asked(only=("astrology",))
    Traceback (most recent call last):
    ...
    features.errors.UsageError: bench: there is no part 'astrology'. The parts are peer, whole, ...
    """

    events: int = 10_000_000
    people: int = 1_000_000
    dates: int = 12
    repeats: int = 3
    memory: str = "1GB"
    seed: int = 1
    only: tuple[str, ...] = PARTS
    cache: Path = field(default_factory=lambda: Path(".precursor") / "benchmarks", compare=False)

    def __post_init__(self) -> None:
        wrong = [f"there is no part '{part}'" for part in self.only if part not in PARTS]
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                wrong.append(f"{name} {getattr(self, name):,} is less than {least:,}")
        if self.events < self.people:
            wrong.append(f"{self.people:,} people need as many events, not {self.events:,}")
        if not re.fullmatch(r"[1-9]\d*(\.\d+)?(MB|GB|MiB|GiB)", self.memory):
            wrong.append(f"memory '{self.memory}' is no amount such as 1GB")
        if wrong:
            parts = ", ".join(PARTS)
            raise UsageError(
                f"bench: {'; '.join(wrong)}",
                remedy=f"The parts are {parts}; what is smaller cannot be measured.",
            )

    def command(self, part: str) -> str:
        """Return the command that measures one part again.

        Examples
        --------
        >>> Asked(repeats=5).command("whole")
        'precursor bench features --only whole --repeats 5'
        """
        usual = Asked()
        given = [
            f" --{one.name} {getattr(self, one.name)}"
            for one in fields(self)
            if one.compare
            and one.name != "only"
            and getattr(self, one.name) != getattr(usual, one.name)
        ]
        return f"precursor bench features --only {part}{''.join(given)}"


@dataclass(frozen=True)
class Figure:
    """One figure of a run.

    Attributes
    ----------
    part : str
    what : str
    value : float or None
        None where it was not measured; `said` then tells why.
    unit : str
    aim : str
        What the project holds itself to, if anything.
    runs : tuple of float
        Every single measure, of which `value` is the median; empty for what follows from others.
    """

    part: str
    what: str
    value: float | None
    unit: str
    aim: str = ""
    said: str = ""
    runs: tuple[float, ...] = ()

    def shown(self) -> str:
        """Return the value as a reader sees it.

        Examples
        --------
        >>> Figure("one", "a person's row", 4.1234, "ms").shown()
        '4.12 ms'
        >>> Figure("spark", "on Spark", None, "s", said="not measured: no Spark here").shown()
        'not measured: no Spark here'
        """
        if self.value is None:
            return self.said
        number = f"{self.value:,.0f}" if abs(self.value) >= 1_000 else f"{self.value:.3g}"
        return f"{number} {self.unit}".strip()

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None where there is no number to hold the value against.

        Examples
        --------
        >>> Figure("whole", "in all", 41.2, "s", "≤ 60").met
        True
        >>> Figure("memory", "in all", 41.2, "s", "ends").met is None
        True
        """
        aim = re.fullmatch(r"([≤≥]) ([\d.]+)", self.aim)
        if aim is None or self.value is None:
            return None
        bound = float(aim[2])
        return self.value <= bound if aim[1] == "≤" else self.value >= bound
