# %% [markdown]
# # Add a feature, and try to make it cheat
#
# A feature is a declaration: source, marks, measure, window, words. Here one is tried without
# changing a file; `docs/add-a-feature.md` says how it is added for good. Run from the project's
# root: `python notebooks/add_a_feature.py`. Nobody in these records exists.

# %%
from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.catalogue import feature_set
from features.declare import COUNT, EVER, RECENCY, Feature, days
from features.errors import PrecursorError
from features.history import History
from features.home import home
from features.loads import open_load, write_load
from features.synthetic import synthesise

records = home() / "records" / "story"
if not records.exists():
    synthesise(records, nominals=1_000, years=5, seed=1)
load = open_load(records)

# %% [markdown]
# ## The declaration
#
# Reports of criminal damage within domestic abuse: both marks on one offence. There is no place for
# a date; the windows are all an author says about time.

# %%
DAMAGE = Feature(
    "suspected",
    COUNT,
    group="reports_domestic",
    of=("domestic+damage",),
    windows=(days(365), EVER),
    words="{value} naming this person as suspect{of} {window} (not proven)",
    unit=("report", "reports"),
)
LATEST = Feature(
    "suspected",
    RECENCY,
    group="reports_domestic",
    of=("domestic+damage",),
    words="most recent report naming this person as suspect{of} {value} ago (not proven)",
    unit=("day", "days"),
)
wanted = feature_set((DAMAGE, LATEST))
for column in wanted.columns:
    print(f"{column.name}: {column.phrase(2)}")

# %% [markdown]
# ## What is not allowed
#
# A group must stand in the register with its reason, and context is never an input. Everything that
# is wrong is told at once.

# %%
try:
    feature_set((Feature("wanted", COUNT, "astrology", "{value}", ("", "")),))
except PrecursorError as refused:
    print(f"Refused: {refused}")
else:
    raise SystemExit("it was not refused")

# %% [markdown]
# ## Its values, as known on two dates

# %%
history = History(load, wanted)
latest = load.default_as_of
people = history.people("suspected", 0)
dates = [latest - timedelta(days=365), latest]
spine = pd.DataFrame(
    {
        "nominal_id": [who for who in people for _ in dates],
        "as_of_date": pd.to_datetime(dates * len(people)),
    }
)
found = history.matrix(spine)
print(found.groupby("as_of_date")[wanted.names].agg(["mean", "max"]).round(3).T)

# %% [markdown]
# The records behind one person's figure: whoever reads the sentence can look them up.

# %%
now = found[found["as_of_date"] == pd.Timestamp(latest)]
who = now.loc[now[wanted.names[1]].idxmax(), "nominal_id"]
for row in history.records(who, latest, wanted.names)[wanted.names[1]]:
    print(f"{who}: {row['reference']}, occurred {row['occurred_on']}, known {row['known_on']}")

# %% [markdown]
# ## Trying to cheat
#
# Everything that became known in the last year is taken out of the records. Histories as of a year
# ago must not notice, to the last bit: they never saw it. Those of now must.

# %%
cut = dates[0]
tables = {}
for name, file in load.tables.items():
    rows = pq.read_table(file).drop_columns(["load"])
    rows = rows.filter(pc.less(rows["known_on"], pa.scalar(cut)))
    ended = rows["superseded_on"]
    noticed = pc.less(ended, pa.scalar(cut))  # a correction of later was not known yet
    column = rows.column_names.index("superseded_on")
    tables[name] = rows.set_column(
        column, "superseded_on", pc.if_else(noticed, ended, pa.scalar(None, ended.type))
    )
folder = home() / "records" / "story-a-year-ago"
if folder.exists():
    before = open_load(folder)
else:
    last = cut - timedelta(days=1)
    before = write_load(folder, tables, kind="synthetic", data_to=last, synthetic=True)
then = spine[spine["as_of_date"] == pd.Timestamp(cut)]
same = found[found["as_of_date"] == pd.Timestamp(cut)].reset_index(drop=True)
again = History(before, wanted).matrix(then).reset_index(drop=True)
pd.testing.assert_frame_equal(again[wanted.names], same[wanted.names], check_exact=True)
grown = now[wanted.names[1]].sum() - same[wanted.names[1]].sum()
print(f"A year ago: {len(same):,} histories, the same without the year that followed.")
print(f"Since then {grown:.0f} more such reports are on record. It cannot see the future.")
