# %% [markdown]
# # A data scientist: from records to a champion, and a challenger
#
# Records are made up, checked, compiled into histories as known on each date, and a model is
# trained beside the baselines it has to beat. Run it from the project's root, cell by cell or
# whole: `python notebooks/data_scientist.py`. What it writes lies in `PRECURSOR_HOME`.
#
# Nobody in these records exists: the figures say that the machinery works, nothing about people.

# %%
from __future__ import annotations

import subprocess
import sys

from features.check import check
from features.history import History
from features.home import home
from features.loads import open_load
from features.matrix import build
from features.synthetic import synthesise
from training.experiment import train
from training.questions import question

QUESTION = "domestic_abuse_high_harm"
records = home() / "records" / "story"

# %% [markdown]
# ## Records, checked
#
# A small force, so that everything below takes seconds. `check` would list each violation with
# table, row, value and remedy.

# %%
if not records.exists():
    synthesise(records, nominals=1_000, years=5, seed=1)
report = check(records)
assert report.ok
load = open_load(records)
print(f"{load.path.name}: load {load.number}, records up to {load.data_to}")

# %% [markdown]
# ## Histories as known on a date
#
# One row for each person and as-of date of the question's cohort; nothing that became known on or
# after that date can be in it.

# %%
history = History(load)
matrix = build(history, question(QUESTION))
print(f"{len(matrix.frame):,} rows, {len(matrix.feature_set.columns)} features")
print(matrix.frame.groupby("as_of_date")["label"].agg(["size", "mean"]).round(3).tail())

# %% [markdown]
# The same person on two dates: what was reported in between is in the second history and not in
# the first.

# %%
counts = "suspected_n_ever"
before_and_after = matrix.frame.groupby("nominal_id")[counts].agg(["first", "last"])
nominal_id = (before_and_after["last"] - before_and_after["first"]).idxmax()
rows = matrix.frame[matrix.frame["nominal_id"] == nominal_id]
for as_of_date in (rows["as_of_date"].iloc[0], rows["as_of_date"].iloc[-1]):
    known = history.records(nominal_id, as_of_date, [counts])[counts]
    print(f"{nominal_id} as of {as_of_date:%Y-%m-%d}: {len(known)} reports known")

# %% [markdown]
# ## Trained beside the baselines
#
# The split is in time, nobody's future trains their past, and all are judged at the same
# capacity. If the model does not beat the baselines, the report says so first. Parameters,
# metrics and plots are in MLflow.

# %%
result = train(question(QUESTION), matrix)
print(result.text)

# %% [markdown]
# ## What pulls the scores
#
# SHAP's own plots, from the contributions that scores are explained with: these are exact Shapley
# values, so nothing is computed anew. MLflow holds the same plots beside the run.

# %%
import matplotlib.pyplot as plt
import shap

model = result.model
shown = model.check(matrix.frame[model.feature_set.names]).copy()[:500]
base, contributions = model.contributions(shown)
told = shap.Explanation(
    values=contributions, base_values=base, data=shown, feature_names=model.feature_set.names
)
shap.plots.beeswarm(told, max_display=12, show=False)
(home() / "plots").mkdir(parents=True, exist_ok=True)
plt.gcf().savefig(home() / "plots" / "beeswarm.png", bbox_inches="tight")
plt.close("all")

# %% [markdown]
# ## What changed, and what would
#
# Two scores of one person by one model, in words that add up; and the score a year on if nothing
# further came on record: the history of that later day, compiled from today's records.

# %%
from datetime import timedelta

import pandas as pd

from models.difference import difference, if_nothing_further

later = load.default_as_of + timedelta(days=365)
dates = [load.default_as_of - timedelta(days=365), load.default_as_of, later]
spine = pd.DataFrame({"nominal_id": nominal_id, "as_of_date": pd.to_datetime(dates)})
rows_of = model.check(history.matrix(spine, feature_set=model.feature_set))
since = difference(model, rows_of[0], rows_of[1], on=(dates[0], dates[1]))
print("\n".join(since.sentences))
print(if_nothing_further(difference(model, rows_of[1], rows_of[2]), later))

# %% [markdown]
# ## Through the gate
#
# Promotion asks the gate, writes the ledger, and moves the alias. On a force as small as this one
# the gate may well refuse, and rightly; `--force` promotes all the same, and the ledger says so.


# %%
def promote(*more: str) -> int:
    """Ask for the promotion of the newest version, as it would be typed; return the exit code."""
    command = [sys.executable, "-m", "precursor", "promote", QUESTION, "challenger"]
    command += ["--reason", "a story about people who do not exist", *more]
    asked = subprocess.run(command, check=False, stdout=-1, stderr=-2, text=True)
    print(asked.stdout)
    return asked.returncode


assert promote("--force") == 0

# %% [markdown]
# ## Challenge the champion
#
# Another model of the same question, here with smaller trees and fewer samples for its intervals,
# so that it takes seconds. Now the champion stands among what it is judged beside, on the same
# rows. Without `--force` it comes into force only where the gate finds nothing against it.

# %%
challenger = train(question(QUESTION), matrix, refits=2, draws=100, origins=1, num_leaves=4)
print(challenger.report["verdict"])
beside = challenger.evaluation.differences.get("champion")
if beside is not None:
    gap = beside["auc"]
    print(f"Challenger minus champion: AUC {gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})")
answered = {0: "It is in force now.", 1: "It was refused, and the champion stays."}
print(answered[promote()], "Either way the gate is what decides, and the ledger has both.")
