# %% [markdown]
# # Audit fairness, where the truth is known
#
# Two made-up forces, alike but for one switch: in the second, offences by one group are recorded
# four times as often for the same conduct. An audit of records is made on both, and then the truth
# is opened: what does the audit see, and what can it never see? Run from the project's root:
# `python notebooks/audit_fairness.py`. Nobody in these records exists.

# %%
from __future__ import annotations

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import pandas as pd

from features.attributes import attributes
from features.history import History
from features.home import home
from features.loads import open_load
from features.matrix import build
from features.synthetic import Switches, synthesise
from training.experiment import train
from training.fairness import CAPACITY, Fairness
from training.fairness_words import in_words
from training.questions import question

GROUP, TIMES = "Black", 4.0
quick = {"register": False, "refits": 2, "draws": 100, "origins": 1, "num_threads": 1}
asked = question("domestic_abuse_violence").model_copy(
    update={"baselines": ("base_rate",), "cadence_months": 6, "capacity": 40}
)
pictures = home() / "pictures"
pictures.mkdir(parents=True, exist_ok=True)


def audited(name: str, bias: dict[str, float] | bool) -> Fairness:
    """Make a force, train on it, and audit the model by the records."""
    folder = home() / "records" / f"fairness-{name}"
    if not folder.exists():
        synthesise(folder, nominals=3_000, years=5, seed=4, switches=Switches(bias=bias))
    load = open_load(folder)
    rows = build(History(load), asked)
    found = train(asked, rows, protected=attributes(load, rows.frame), **quick)
    assert found.fairness is not None
    return found.fairness


# %% [markdown]
# ## What an audit says
#
# Who people are is read from the person records as they were known; it is no input. For each group:
# how many are listed at capacity, with what precision, how many outcomes are missed.

# %%
even, uneven = audited("even", False), audited("uneven", {GROUP: TIMES})
print("\n".join(in_words(even)))

# %% [markdown]
# ## The same with the switch on
#
# Calibration is predicted outcomes for each *recorded* one. If predictions follow records, an
# audit can find both in order although the records are wrong.

# %%
print("\n".join(line for line in in_words(uneven) if "ethnicity" in line or "Black" in line))


def shares(found: Fairness) -> dict[str, float]:
    """Return each ethnic group's share of the places on the lists, of those that are shown."""
    shown = [group for group in found.tables[("ethnicity",)] if group.rows]
    chosen = {group.words: group.at[CAPACITY]["selection"] for group in shown}
    places = {g.words: chosen[g.words].value * g.rows for g in shown if chosen[g.words]}
    return {words: number / sum(places.values()) for words, number in places.items()}


both = pd.DataFrame({"recorded alike": shares(even), "recorded unequally": shares(uneven)})
print((100 * both).round(0).fillna("too few to show"))
axis = (100 * both).plot.bar(figsize=(8, 4), color=["#a9bfd3", "#12436d"], rot=30)
axis.set_ylabel("percent of the places on the lists")
axis.set_title(f"Synthetic: {GROUP} suspects recorded {TIMES:.0f} times as often, conduct the same")
plt.tight_layout()
plt.savefig(pictures / "fairness.svg")

# %% [markdown]
# ## What the truth says
#
# The switch changes what is recorded and never what is done. So in the second force the group has
# more of the places for conduct that did not change. The audit holds predictions against records,
# and both moved together. What helps is outside of it: counting what is reported by whom, outcomes
# that need no police decision, and asking the people concerned.

# %%
alike, unequal = (100 * both.loc[GROUP]).round()
print(f"Places that go to {GROUP} suspects: {alike:.0f} % with recording alike,")
print(f"{unequal:.0f} % with recording {TIMES:.0f} times as frequent. Conduct is the same.")
assert unequal > alike
print("An audit of records cannot see what is wrong with the records.")
