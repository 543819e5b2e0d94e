# %% [markdown]
# # Evaluate an intervention, where its effect is known
#
# A made-up force runs a domestic abuse programme that truly halves offending while it lasts, and
# gives it to whoever was lately recorded for most. Who compares people with and without it sees who
# gets it, not what it does. What does `precursor evaluate-intervention` see? Run this from the
# project's root: `python notebooks/evaluate_an_intervention.py`. Nobody in these records exists.

# %%
from __future__ import annotations

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt

from features.history import History
from features.home import home
from features.loads import open_load
from features.synthetic import Switches, synthesise
from training.effects import Effect, Evaluation, evaluate
from training.effects_words import in_words, verdict
from training.study import study
from training.trial import trial

asked = study("domestic_abuse_programme")
pictures = home() / "pictures"
pictures.mkdir(parents=True, exist_ok=True)


def evaluated(name: str, switches: Switches) -> Evaluation:
    """Make a force and evaluate the programme by its records."""
    folder = home() / "records" / f"effect-{name}"
    if not folder.exists():
        synthesise(folder, nominals=5_000, years=5, seed=6, switches=switches)
    load = open_load(folder)
    return evaluate(asked, trial(History(load), asked), synthetic=load.synthetic)


# %% [markdown]
# ## Two forces
#
# In one the programme halves offending, in the other it is recorded and does nothing. In both those
# at higher risk get it more often.

# %%
halves = evaluated("halves", Switches(effects={"programme": 0.5}, selection="risk-targeted"))
nothing = evaluated("nothing", Switches(interventions=False, selection="risk-targeted"))
print(in_words(halves))

# %% [markdown]
# ## Beside each other
#
# "As they are" compares people as records show them. The adjusted line compares like with like. The
# placebo is an outcome that the programme cannot touch: if it moves, something else is at work.


# %%
def rows(found: Evaluation) -> list[tuple[str, Effect]]:
    """Return what is shown, from the crudest to the check."""
    return [
        ("as they are", found.plain),
        ("like with like", found.main),
        ("the same by trees", found.by_trees),
        ("placebo: theft", found.placebo),
        ("the half-year before", found.earlier),
    ]


panels = plt.subplots(1, 2, figsize=(10, 3.5), sharex=True, sharey=True)[1]
for axis, found, title in (
    (panels[0], halves, "halves offending while it lasts"),
    (panels[1], nothing, "does nothing"),
):
    for place, (_, effect) in enumerate(reversed(rows(found))):
        ratio = effect.ratio
        axis.plot([ratio.low, ratio.high], [place, place], color="#12436d")
        axis.plot(ratio.value, place, "o", color="#12436d")
    axis.set_yticks(range(len(rows(found))), [name for name, _ in reversed(rows(found))])
    axis.axvline(1, color="#484949", linewidth=0.8)
    axis.set_title(f"Synthetic: the programme {title}", fontsize=9)
    axis.set_xlabel("recorded so many times as often with it (95 %)")
plt.tight_layout()
plt.savefig(pictures / "intervention.svg")

# %% [markdown]
# ## What is said of each
#
# "No effect can be told" is an answer. The report also says how small an effect could have been
# found: a study too small to find a halving says little by finding none.

# %%
print(f"Where it halves offending: {verdict(halves)}")
print(f"Where it does nothing: {verdict(nothing)}")
for name, found in (("halves", halves), ("nothing", nothing)):
    plain = found.plain.ratio.value
    print(f"As they are, {name}: {plain:.2f} times. This is who gets it, not what it does.")
print("A study of records is no trial: what moves reporting moves it too.")
