"""Do intervals hold what they promise? Fitted and judged on several simulated forces.

The intervals of one force are all of one model, which is too high or too low for many people at
once; what 90 % means is seen over many forces. So forces of different seeds are fitted as a
training fits them, and the record oracle, learnt once from other worlds of the first one's making,
tells of each row the mean recorded risk that its interval is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.oracles import Tell, champion, force
from features.loads import open_load
from features.question import Question
from training import cohorts, fit, recalibration
from training.coverage import coverage
from training.evaluation import Judged
from training.experiment import SEED
from training.oracles_record import record_oracle
from training.oracles_truth import open_truth

HEAD = (
    "| question | outcomes learnt from | intervals that hold the oracle's value |"
    " by tenths of risk, the lowest first | by sub-cohort | one force, least to most |\n"
    "| --- | ---: | ---: | --- | --- | --- |"
)


@dataclass(frozen=True)
class Held:
    """How often the intervals of several forces contain the record oracle's value.

    Attributes
    ----------
    question : str
    positives : list of int
        Outcomes that each force's champion learnt from.
    parts : DataFrame
        force, and what :func:`training.coverage.coverage` tells of each part of its rows.
    """

    question: str
    positives: list[int]
    parts: pd.DataFrame

    @property
    def pooled(self) -> dict[str, float]:
        """Of each part, the share of all rows of all forces."""
        inside = self.parts.assign(inside=self.parts["covered"] * self.parts["rows"])
        sums = inside.groupby("part", sort=False)[["inside", "rows"]].sum()
        return {str(part): float(share) for part, share in (sums["inside"] / sums["rows"]).items()}

    @property
    def line(self) -> str:
        """The figures as a row of a table in Markdown."""
        share = self.pooled
        whole, tenths = share.pop("all"), [name for name in share if name.startswith("tenth")]
        rest = [f"{name} {value:.0%}" for name, value in share.items() if name not in tenths]
        single = self.parts.loc[self.parts["part"] == "all", "covered"]
        return (
            f"| `{self.question}` | {min(self.positives):,} to {max(self.positives):,} |"
            f" {whole:.0%} | {', '.join(f'{share[name]:.0%}' for name in tenths)} |"
            f" {', '.join(rest) or 'none'} | {single.min():.0%} to {single.max():.0%} |"
        )

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "question": self.question,
            "positives": self.positives,
            "pooled": self.pooled,
            "forces": self.parts.to_dict("records"),
        }


def held(
    question: Question,
    home: Path,
    nominals: int,
    *,
    years: int,
    seeds: range,
    universes: int,
    universe_nominals: int,
    refits: int,
    tell: Tell,
) -> Held:
    """Make the intervals of several forces as a training makes them, and count what they hold.

    Raises
    ------
    PrecursorError
        The records are too short.
    """
    first, truth = force(home, nominals, years, seeds[0], tell)
    known = open_truth(truth, open_load(first))
    positives, parts = [], []
    for seed in seeds:
        tell(f"{question.name}: force {seed}")
        records, _ = force(home, nominals, years, seed, tell, known=False)
        made = champion(question, open_load(records), tell)
        frame, margin = made.test.frame, made.fitted.margin(made.test.X)
        judged = Judged(
            made.test.y,
            frame["nominal_id"].to_numpy(dtype=str),
            capacity=question.capacity,
            lists=frame["as_of_date"].to_numpy(),
        )
        again = fit.refits(made.rows, made.fitted, made.test.X, count=refits, seed=SEED)
        trained = made.fitted.calibration
        table = recalibration.interval_table(margin, again, judged, trained, SEED)
        probability = recalibration.final(margin, judged.y, trained).probability(margin)
        oracle = record_oracle(
            question,
            known,
            made.test,
            universes=universes,
            nominals=universe_nominals,
            progress=tell,
        )
        low, high = table.ends(probability)
        found = coverage(low, high, probability, oracle.probability, cohorts.parts(frame))
        positives.append(made.positives)
        parts += [{"force": seed, **one} for one in found]
    return Held(question.name, positives, pd.DataFrame(parts))
