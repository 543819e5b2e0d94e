"""SHAP's own plots, from the contributions that scores are explained with.

These are exact Shapley values, so nothing is computed anew. Where the shap package is not
installed, a plain bar chart of the same values stands in. A plot with a dot for each person is
drawn for made-up people only: nothing about one real person goes into the tracking store.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from features.types import Floats
from models.explanation import explain
from models.risk_model import RiskModel
from training.plots import MODEL_COLOUR

MOST_ROWS = 1_000
SHOWN = 15


def draw(folder: Path, model: RiskModel, X: Floats) -> list[Path]:
    """Draw what pulls a model's scores, over rows it was judged on.

    Parameters
    ----------
    folder : Path
        Must exist.
    model : RiskModel
    X : ndarray, shape (rows, columns)
        At most a thousand rows are used, evenly spaced.

    Returns
    -------
    list of Path
        Groups of features, single features, and for made-up people a dot for each.
    """
    rows = X[np.linspace(0, len(X) - 1, min(len(X), MOST_ROWS)).astype(int)]
    found = explain(model, rows)
    base, values = found.base, found.contributions
    paths = [_bars(folder / "contributions_by_group.svg", found.groups, model.feature_set.groups)]
    if find_spec("shap") is None:
        return [*paths, _bars(folder / "shap_bar.svg", values, model.feature_set.names)]
    import shap

    told = shap.Explanation(
        values=values,
        base_values=np.full(len(rows), base),
        data=rows,
        feature_names=model.feature_set.names,
    )
    shap.plots.bar(told, max_display=SHOWN, show=False)
    paths.append(_saved(folder / "shap_bar.svg"))
    if model.synthetic:
        shap.plots.beeswarm(told, max_display=SHOWN, show=False)
        paths.append(_saved(folder / "shap_summary.png"))
    return paths


def _bars(path: Path, values: Floats, names: list[str]) -> Path:
    size = np.abs(values).mean(axis=0)
    order = np.argsort(size)[-SHOWN:]
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    axes.barh([names[at].replace("_", " ") for at in order], size[order], color=MODEL_COLOUR)
    axes.set(xlabel="mean size of the contribution (log-odds)")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _saved(path: Path) -> Path:
    figure = plt.gcf()
    figure.savefig(path, bbox_inches="tight", dpi=90)
    plt.close(figure)
    return path
