"""Plots of an evaluation, drawn from the same stored tables as its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "precursor"  # the same table gives the same file

from matplotlib import pyplot as plt  # noqa: E402 - the backend is chosen first
from matplotlib.figure import Figure  # noqa: E402

MODEL_COLOUR = "#1d70b8"
Bands = Sequence[Mapping[str, Any]]
OTHER_COLOURS = ("#505a5f", "#d4351c", "#00703c", "#b58840", "#4c2c92")


def draw(
    folder: Path,
    bands: Mapping[str, Bands],
    gain: Mapping[str, Any],
    fairness: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Draw the calibration, the gain and the groups of an evaluation as SVG.

    Parameters
    ----------
    folder : Path
        Must exist.
    bands : mapping of str to sequence of mapping
        By calibration, bands as `training.metrics.reliability` returns them.
    gain : mapping
        As `training.evaluation.gain` returns it.
    fairness : mapping, optional
        As `training.fairness.Fairness.to_data` returns it.

    Returns
    -------
    list of Path
    """
    paths = []
    drawn = [("calibration", calibration(bands)), ("gain", gains(gain))]
    if fairness is not None:
        drawn.append(("subgroups", groups(fairness)))
    for name, figure in drawn:
        path = folder / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        paths.append(path)
    return paths


def calibration(bands: Mapping[str, Bands]) -> Figure:
    """Return the plot of predicted against recorded rates in bands of equal size."""
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    rates = [band[key] for rows in bands.values() for band in rows for key in ("predicted", "rate")]
    edge = 1.1 * max(rates)
    axes.plot([0, edge], [0, edge], color="#b1b4b6", linewidth=1, label="perfect")
    for colour, (name, rows) in zip((MODEL_COLOUR, *OTHER_COLOURS), bands.items(), strict=False):
        predicted = [band["predicted"] for band in rows]
        axes.plot(predicted, [band["rate"] for band in rows], "o-", color=colour, label=name)
    axes.set(xlabel="predicted (mean of the band)", ylabel="recorded share")
    axes.set(xlim=(0, edge), ylim=(0, edge), title="Calibration, test part")
    axes.legend(frameon=False)
    return figure


def gains(gain: Mapping[str, Any]) -> Figure:
    """Return the plot of outcomes captured by how much of the ranking is taken."""
    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    others = iter(OTHER_COLOURS * len(gain["captured"]))
    for method, captured in gain["captured"].items():
        colour = MODEL_COLOUR if method == "model" else next(others)
        axes.plot(gain["taken"], captured, color=colour, label=method.replace("_", " "))
    axes.axvline(gain["capacity"], color="#b1b4b6", linewidth=1, linestyle="--", label="capacity")
    axes.set(xlabel="share of rows taken from the top", ylabel="share of outcomes among them")
    axes.set(xlim=(0, 1), ylim=(0, 1), title="Outcomes captured")
    axes.legend(frameon=False)
    return figure


def groups(fairness: Mapping[str, Any]) -> Figure:
    """Return the plot of predicted for each recorded outcome by group, with its interval."""
    shown = [
        (", ".join(group["who"].values()), group["calibration"])
        for table in fairness["tables"].values()
        for group in table
        if len(group["who"]) == 1 and group["calibration"] and group["calibration"]["value"]
    ]
    figure, axes = plt.subplots(figsize=(6, 1.5 + 0.3 * len(shown)), layout="constrained")
    axes.axvline(1, color="#b1b4b6", linewidth=1)
    for place, (name, found) in enumerate(reversed(shown)):
        ends = [end if end is not None else found["value"] for end in (found["low"], found["high"])]
        axes.plot(ends, [place, place], color=MODEL_COLOUR, linewidth=1)
        axes.plot(found["value"], place, "o", color=MODEL_COLOUR)
        axes.text(-0.02, place, name, ha="right", va="center", transform=axes.get_yaxis_transform())
    axes.set(
        yticks=[], xlabel="outcomes predicted for each one recorded", title="Groups, test part"
    )
    return figure
