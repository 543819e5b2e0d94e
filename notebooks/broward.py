# %% [markdown]
# # Real histories, from raw to report: Broward County
#
# Arrests, charges, custody and prison of people in one American county, as published. Foreign and
# historic: they serve to judge the method, and nobody is scored by it. Their folder is named by
# `PRECURSOR_REAL_DATA`; without it this story ends at once. Run from the project's root: `python
# notebooks/broward.py`. Nothing about one person is printed.

# %%
from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import pandas as pd

from features.check import check
from features.history import History
from features.home import home
from features.ingest.broward import ingest_broward
from features.loads import open_load
from features.matrix import build
from training.experiment import train
from training.questions import question

pack = Path(os.environ.get("PRECURSOR_REAL_DATA", "nowhere")) / "compas"
if not pack.is_dir():
    print("Skipped: PRECURSOR_REAL_DATA names no folder that holds the Broward County pack.")
    sys.exit()

# %% [markdown]
# ## From raw files to records
#
# The pack's files become the canonical tables. What it does not say stays unsaid; dates of which
# only a range is known use its end. The remarks of the load are to be known before any figure.

# %%
records = home() / "records" / "broward"
if not records.exists():
    ingest_broward(pack, records)
load = open_load(records)
report = check(records)
assert report.ok
print(f"Records up to {load.data_to}, no violation that refuses them.")
for note in json.loads((records / "load.json").read_text())["notes"]:
    print(f"- {note}")

# %% [markdown]
# ## Histories as known on each arrest
#
# One row an arrest, as of that day, with the labels that came with the pack.

# %%
asked = question("broward_felony_1y").model_copy(
    update={"baselines": ("logistic_age_priors", "logistic_full", "arp")}
)
matrix = build(History(load), asked)
years = matrix.frame.groupby(matrix.frame["as_of_date"].dt.year)["label"]
print(f"{len(matrix.frame):,} rows of {matrix.frame['nominal_id'].nunique():,} people")
print(pd.DataFrame({"rows": years.size(), "with the outcome": years.mean().round(3)}))

# %% [markdown]
# ## Judged in time, and by folds of people
#
# Fewer refits and samples than `precursor train` uses, so that it takes a minute. Figures that are
# quoted anywhere come from the command.

# %%
result = train(asked, matrix, register=False, refits=2, draws=200, origins=1)
print(result.text[:2_500])

# %% [markdown]
# ## Beside the baselines
#
# Nothing here is near perfect, and it should not be. Where the interval of a *difference* holds
# zero, two methods cannot be told apart, and the simpler one is to be preferred.

# %%
figures = result.evaluation.figures
methods = sorted(figures, key=lambda name: figures[name]["auc"].value)
figure, axis = plt.subplots(figsize=(8, 3))
for place, name in enumerate(methods):
    auc = figures[name]["auc"]
    axis.plot([auc.low, auc.high], [place, place], color="#12436d")
    axis.plot(auc.value, place, "o", color="#12436d")
axis.set_yticks(range(len(methods)), [name.replace("_", " ") for name in methods])
axis.set_xlabel("AUC in time, 95 %, people resampled")
figure.tight_layout()
pictures = home() / "pictures"
pictures.mkdir(parents=True, exist_ok=True)
figure.savefig(pictures / "broward.svg")

for name, difference in result.evaluation.differences.items():
    gap = difference["auc"]
    told = "more" if gap.low > 0 else "less" if gap.high < 0 else "not to be told apart"
    print(f"Model minus {name}: {gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f}): {told}")
assert figures["model"]["auc"].value < 0.76, "above that there is a leak to find"
print("Arrests are not offences, and this county is not yours.")
