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
OTHER_COLOURS = ("#505a5f", "#d4351c", "#00703c", "#b58840", "#4c2c92")


def draw(folder: Path, bands: Sequence[Mapping[str, Any]], gain: Mapping[str, Any]) -> list[Path]:
    """Draw the calibration and the gain of an evaluation as SVG.

    Parameters
    ----------
    folder : Path
        Must exist.
    bands : sequence of mapping
        As `training.metrics.reliability` returns them.
    gain : mapping
        As `training.evaluation.gain` returns it.

    Returns
    -------
    list of Path
    """
    drawn = {"calibration": calibration(bands), "gain": gains(gain)}
    paths = []
    for name, figure in drawn.items():
        path = folder / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        paths.append(path)
    return paths


def calibration(bands: Sequence[Mapping[str, Any]]) -> Figure:
    """Return the plot of predicted against recorded rates in bands of equal size."""
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    predicted = [band["predicted"] for band in bands]
    recorded = [band["rate"] for band in bands]
    edge = 1.1 * max(*predicted, *recorded)
    axes.plot([0, edge], [0, edge], color="#b1b4b6", linewidth=1, label="perfect")
    axes.plot(predicted, recorded, "o-", color=MODEL_COLOUR, label="model, test part")
    axes.set(xlabel="predicted (mean of the band)", ylabel="recorded share", title="Calibration")
    axes.set(xlim=(0, edge), ylim=(0, edge))
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
