# %% [markdown]
# # An analyst: a ranked list, and one score down to its records
#
# Needs a model in force: run `data_scientist.py` first. Run from the project's root: `python
# notebooks/analyst.py`.

# %%
from __future__ import annotations

import subprocess
import sys

import pandas as pd

from features.home import home

QUESTION = "domestic_abuse_high_harm"
records = home() / "records" / "story"
scores_file = home() / "story.csv"


def precursor(*words: str) -> None:
    """Run a command as it would be typed."""
    command = [sys.executable, "-m", "precursor", *words]
    print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


# %% [markdown]
# ## Score the cohort
#
# As of the day after the records end. Each score is on the ledger before it is in the file.

# %%
precursor("score", QUESTION, str(records), "--out", str(scores_file), "--purpose", "weekly list")
scores = pd.read_csv(scores_file)
print(scores[["rank", "nominal_id", "probability", "low", "high", "band"]].head(10))

# %% [markdown]
# Too little history is an answer of its own, and no low score. Who cannot be scored at all stands
# in a second file with the reason.

# %%
silent = scores[scores["insufficient_history"]]
print(f"{len(silent)} with insufficient history; their probability is empty")
assert silent["probability"].isna().all()
rejected = pd.read_csv(scores_file.with_name("story.rejected.csv"))
print(rejected["reason"].value_counts())

# %% [markdown]
# ## One person
#
# Reasons are contributions in log-odds that add up to the score, put into words, each with the
# records behind it. They describe the model; they are no causes.

# %%
first = scores.sort_values("rank").iloc[0]
precursor("explain", first["score_id"], "--purpose", "case review")

# %% [markdown]
# ## The list for the meeting
#
# Publishing freezes a run and compares it with the list before.

# %%
precursor("publish", QUESTION, "--purpose", "list for the meeting")
