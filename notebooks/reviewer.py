# %% [markdown]
# # A reviewer: is the record whole, and can a score be computed again?
#
# Needs scores on the ledger: run `data_scientist.py` and `analyst.py` first. Run from the
# project's root: `python notebooks/reviewer.py`.

# %%
from __future__ import annotations

import subprocess
import sys

import pandas as pd

from features.home import home
from serving.ledger import Ledger


def precursor(*words: str) -> None:
    """Run a command as it would be typed."""
    command = [sys.executable, "-m", "precursor", *words]
    print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


# %% [markdown]
# ## The chain
#
# Every entry is linked to the one before; a changed, removed or inserted entry is named.

# %%
precursor("audit", "verify")

# %% [markdown]
# ## Who did what, and why

# %%
with Ledger.open() as ledger:
    for entry in ledger.entries():
        print(f"{entry.seq:>4}  {entry.at[:16]}  {entry.action:14}  {entry.purpose}")

# %% [markdown]
# ## One score again
#
# From the inputs that were stored with it, and from the records as they were: both have to give
# the same number to the bit.

# %%
scores = pd.read_csv(home() / "story.csv")
score_id = scores.sort_values("rank")["score_id"].iloc[0]
precursor("replay", score_id, "--purpose", "sample check")
