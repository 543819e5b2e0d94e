# %% [markdown]
# # Explore a force: what is on record, how good it is, whom a question is about
#
# Before any model: are the records good enough, what do they hold, who would be scored? Nobody in
# these records exists. Run from the project's root: `python notebooks/explore_a_force.py`.

# %%
from __future__ import annotations

import matplotlib

matplotlib.use("svg")

import duckdb
import matplotlib.pyplot as plt
import pandas as pd

from features.check import examined
from features.cohort import cohort
from features.history import History
from features.home import home
from features.loads import open_load
from features.quality import quality
from features.quality_report import what_to_look_at
from features.question import CohortRule
from features.synthetic import synthesise
from features.taxonomy import taxonomy
from training.questions import names, question

records = home() / "records" / "story"
pictures = home() / "pictures"
pictures.mkdir(parents=True, exist_ok=True)
if not records.exists():
    synthesise(records, nominals=1_000, years=5, seed=1)
load = open_load(records)

# %% [markdown]
# ## Do the records keep the rules, and how good are they?
#
# `check` refuses what breaks a rule; `quality` tells what is empty, late or there twice. What it
# names is to be mended in the system that the records come from.

# %%
with examined(records) as opened:
    report = opened.report(most=5)
    found = quality(opened, report)
assert report.ok
print(f"Records up to {load.data_to}: no violation that refuses them.")
for line in what_to_look_at(found):
    print(f"- {line}")

# %% [markdown]
# ## Stalking and harassment, month by month
#
# The four groups of a stalking desk: stalking or harassment, domestic or not. A code may carry both
# marks, so totals are never summed over kinds.


# %%
def ask(query: str) -> pd.DataFrame:
    """Ask the records as they finally stand: corrections in, cancelled ones out."""
    with duckdb.connect() as connection:
        connection.register("taxonomy", taxonomy())
        for table, file in load.tables.items():
            connection.execute(
                f"create view {table} as select * from read_parquet('{file}')"
                " where superseded_on is null"
            )
        return connection.execute(query).df()


monthly = ask(
    "select date_trunc('month', known_on) as month, stalking,"
    " coalesce(domestic, false) as domestic, count(*) as reports"
    " from offence join taxonomy using (offence_code) where stalking or harassment"
    " group by all order by month"
)
figure, axis = plt.subplots(figsize=(9, 4))
for (stalking, domestic), rows in monthly.groupby(["stalking", "domestic"]):
    words = f"{'stalking' if stalking else 'harassment'}, {'' if domestic else 'not '}domestic"
    axis.plot(rows["month"], rows["reports"], label=words)
axis.set_ylabel("reports a month")
axis.set_title("Synthetic: stalking and harassment by the month they became known")
axis.legend()
figure.savefig(pictures / "stalking.svg")
print(monthly.groupby(["stalking", "domestic"])["reports"].agg(["sum", "mean"]).round(1))

# %% [markdown]
# ## Whom would each question score?
#
# Adults in each cohort on the day after the records end. A cohort that nobody could work through is
# a sign of a question asked too widely.

# %%
history = History(load)
sizes = {}
for name in names():
    asked = question(name)
    if isinstance(asked.cohort, CohortRule) and asked.gates != "report":  # those are of real packs
        sizes[name] = (len(cohort(history, asked, [load.default_as_of])), asked.capacity)
print(pd.DataFrame(sizes, index=["in the cohort", "capacity"]).T)

# %% [markdown]
# ## One person, as known on two dates
#
# The same person a year apart. What became known in between is in the second history alone, even
# where it happened before the first.

# %%
people = cohort(history, question("domestic_abuse_high_harm"), [load.default_as_of])
pasts = {who: history.events(who, load.default_as_of) for who in people["nominal_id"][:40]}
who = max(pasts, key=lambda one: pasts[one]["source"].nunique())
past = pasts[who]
earlier = history.events(who, load.default_as_of - pd.DateOffset(years=1))
late = past[past["known_on"] - past["occurred_on"] > pd.Timedelta(days=30)]
print(f"{who}: {len(earlier)} events known a year ago, {len(past)} now, {len(late)} late")

figure, axis = plt.subplots(figsize=(9, 4))
lanes = sorted(past["source"].unique())
axis.plot(past["occurred_on"], past["source"].map(lanes.index), "|", markersize=14)
axis.axvline(load.default_as_of - pd.DateOffset(years=1), color="#801650", label="a year ago")
axis.set_yticks(range(len(lanes)), lanes)
axis.set_title(f"Synthetic: the visible past of {who}")
axis.legend()
figure.tight_layout()
figure.savefig(pictures / "past.svg")
print("Reports are allegations; a lane says what kind of record it is, not what was done.")
