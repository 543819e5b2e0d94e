# %% [markdown]
# # The synthetic force beside the published figures, in pictures
#
# Everything here is synthetic: nobody in these records exists, and that they resemble published
# figures says nothing of how well anything works on people. Run from the project's root: `python
# notebooks/synthetic_force.py`. The pictures are written as SVG files.

# %%
from __future__ import annotations

import matplotlib

matplotlib.use("svg")

import duckdb
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from features.home import home
from features.loads import open_load
from features.synthetic import Switches, synthesise
from features.synthetic.calibration import compare, in_words, write_calibration
from features.synthetic.measures import top_share
from features.synthetic.parameters import FULL_SCALE
from features.synthetic.world import latent_in_all
from features.taxonomy import taxonomy

NOMINALS, YEARS = 6_000, 10
records = home() / "records" / "synthetic-story"
pictures = home() / "synthetic-pictures"
pictures.mkdir(parents=True, exist_ok=True)
if not records.exists():
    synthesise(records, nominals=NOMINALS, years=YEARS, seed=1)
load = open_load(records)
latent = latent_in_all(NOMINALS, YEARS)
plt.rcParams.update({"svg.hashsalt": "force", "figure.figsize": (9, 5), "font.size": 10})


def keep(name: str, title: str) -> None:
    """Save the picture with its marking."""
    plt.gcf().suptitle(f"Synthetic: {title}")
    plt.tight_layout()
    plt.savefig(pictures / f"{name}.svg", metadata={"Date": None})
    plt.close("all")
    print(f"Synthetic picture: {pictures / name}.svg")


def ask(query: str) -> pd.DataFrame:
    """Ask the records as they finally stand."""
    with duckdb.connect() as connection:
        connection.register("taxonomy", taxonomy())
        for table, file in load.tables.items():
            connection.execute(
                f"create view {table} as select distinct on (record_id) * from"
                f" read_parquet('{file}') order by record_id, known_on desc"
            )
        return connection.execute(query).df()


# %% [markdown]
# ## Every published figure, and how far off it is
#
# One dot is one figure: its distance from the published value, in tolerances. Inside the band it is
# met; the bar is two sampling errors, which are large in a force as small as this one.

# %%
found = compare(load, latent)
write_calibration(found, load, pictures / "calibration.html")
print(in_words(found))
rows = pd.DataFrame([one.as_json() for one in found]).dropna(subset=["simulated"])
low, high = (rows["published"].map(lambda pair, at=at: pair[at]) for at in (0, 1))
off = (rows["simulated"] - rows["simulated"].clip(low, high)) / rows["tolerance"].clip(lower=0.5)
error = 2 * rows["sampling_error"].fillna(0) / rows["tolerance"].clip(lower=0.5)
plt.figure(figsize=(9, 13))
place = np.arange(len(rows))[::-1]
plt.axvspan(-1, 1, color="#dde7f0")
plt.errorbar(off.clip(-6, 6), place, xerr=error.clip(0, 6), fmt="o", color="#12436d", ms=4)
plt.yticks(place, rows["figure"], fontsize=7)
plt.xlim(-6.5, 6.5)
plt.xlabel("distance from the published figure, in tolerances (cut at 6)")
keep("figures", "distance from published figures")

# %% [markdown]
# ## Domestic abuse crimes by year
#
# What is recorded grew fivefold in the published figures. In the force the true rate is constant
# and the recording grows, which is an assumption.

# %%
published = {2014: 17_000, 2016: 22_549, 2018: 34_000, 2019: 41_535, 2020: 57_652, 2021: 94_000}
years = ask(
    "select year(known_on - interval 3 month) as year, count(*) as crimes from offence"
    " where domestic and superseded_on is null group by 1 order by 1"
)
scaled = years["crimes"] * FULL_SCALE / latent
whole = years["year"].between(2014, 2024)
plt.bar(years["year"][whole], scaled[whole], color="#a9bfd3", label="synthetic, at full scale")
plt.plot(list(published), list(published.values()), "o", color="#801650", label="published")
plt.xlabel("financial year from April")
plt.ylabel("crimes")
plt.legend()
keep("domestic", "domestic abuse crimes by year")

# %% [markdown]
# ## How custody ended
#
# The published percentages do not add up to a hundred; the rest is shown as "other".


# %%
def bars(axis: plt.Axes, name: str) -> None:
    """Draw one category's ends of custody, published beside synthetic."""
    chosen = rows[rows["figure"].str.startswith(f"{name}: ")]
    at = np.arange(len(chosen))
    published, error = chosen["published"].str[0], 2 * chosen["sampling_error"]
    words = "synthetic, with two sampling errors"
    axis.barh(at + 0.2, published, 0.4, color="#801650", label="published")
    axis.barh(at - 0.2, chosen["simulated"], 0.4, xerr=error, color="#a9bfd3", label=words)
    axis.set_yticks(at, chosen["figure"].str.split(": ").str[1].str.split(",").str[0])
    axis.set_title(name)


axes = plt.subplots(1, 3, sharex=True, sharey=True, figsize=(11, 4))[1]
for axis, name in zip(axes, ("stalking and harassment", "rape", "domestic abuse"), strict=True):
    bars(axis, name)
axes[1].set_xlabel("percent of arrests")
axes[2].legend(fontsize=7, loc="lower right")
keep("custody", "how custody ended, April 2021 to February 2022")

# %% [markdown]
# ## How few people most harm comes from
#
# Flatter than in the studies, because the weights in use are medians of groups of offences.

# %%
harm = ask(
    "select i.nominal_id, sum(t.harm) as harm from involvement i join offence o"
    " on o.record_id = i.offence_id join taxonomy t using (offence_code)"
    " where i.role = 'suspect' and i.superseded_on is null group by 1"
)["harm"].to_numpy(float)
ordered = np.sort(harm)[::-1]
people = 100 * np.arange(1, len(ordered) + 1) / len(ordered)
plt.plot(people, 100 * np.cumsum(ordered) / ordered.sum(), color="#12436d", label="synthetic")
plt.plot([7], [80], "o", color="#801650", label="a published study")
plt.xlim(0, 60)
plt.xlabel("percent of named suspects, the gravest first")
plt.ylabel("percent of harm")
plt.legend()
keep("harm", "how harm is spread")
print(f"Synthetic: {top_share(harm):.0f} % of suspects make up 80 % of harm.")

# %% [markdown]
# ## From the offence to the record
#
# Sexual offences become known late, most others within days.

# %%
delays = ask(
    "select t.sexual, o.known_on - o.occurred_on as days from offence o"
    " join taxonomy t using (offence_code) where o.occurred_on is not null"
)
for sexual, words in ((True, "sexual offences"), (False, "all others")):
    days = np.sort(delays.loc[delays["sexual"] == sexual, "days"].to_numpy(float))
    plt.plot(np.maximum(days, 0.5), np.linspace(0, 100, len(days)), label=words)
plt.xscale("log")
plt.xlabel("days from the offence to its record (half a day: the same day)")
plt.ylabel("percent recorded by then")
plt.legend()
keep("delay", "how late offences become known")

# %% [markdown]
# ## A switch with a known truth
#
# Two forces, alike but for one switch: in the second, offences by one group are recorded twice as
# often at equal conduct.

# %%
shares = {}
for words, bias in (("off", False), ("on", {"Black": 2.0})):
    folder = home() / "records" / f"synthetic-bias-{words}"
    if not folder.exists():
        synthesise(folder, nominals=1_500, years=1, seed=2, switches=Switches(bias=bias))
    load = open_load(folder)
    shares[words] = ask(
        "select ethnicity, count(*) as crimes from nominal join involvement using (nominal_id)"
        " where role = 'suspect' and ethnicity is not null group by 1 order by 1"
    ).set_index("ethnicity")["crimes"]
both = pd.DataFrame(shares)
ratio = both["on"] / both["off"]
ratio = ratio / ratio["White"]
print(f"Synthetic: recorded against White people, equal conduct: {ratio.round(2).to_dict()}")
plt.bar(ratio.index, ratio, color="#a9bfd3")
plt.axhline(2, color="#801650", linestyle="--", label="switched on: twice for one group")
plt.axhline(1, color="#484949", linewidth=0.8)
plt.ylabel("how often recorded, against White people")
plt.ylim(0, 2.6)
plt.legend()
keep("bias", "a group recorded twice as often")
print("Every picture says synthetic.")
