"""Print the groups of features as `docs/features.md` shows them: `python -m features.catalogue`."""

from __future__ import annotations

from features.catalogue import catalogue, context, register
from features.declare import FeatureSet


def listed(feature_set: FeatureSet, kind: str) -> str:
    """Return the groups of a feature set as a table, and the columns of each below it.

    Parameters
    ----------
    feature_set : FeatureSet
    kind : {"groups", "context"}
        Where in the register the groups stand.

    Examples
    --------
    >>> print(listed(catalogue().subset(groups=["age"]), "groups"))
    | group | columns | what it is | made from | reason | sensitivity |
    |---|---|---|---|---|---|
    | `age` | 1 | age | date of birth | offending falls with age; left out, counts of past records \
would stand in for it | protected characteristic, audited |
    <BLANKLINE>
    - **age**: `person_age`
    """
    lines = ["| group | columns | what it is | made from | reason | sensitivity |"]
    lines += ["|---|---|---|---|---|---|"]
    names = []
    for group in feature_set.groups:
        entry = register()[kind][group]
        columns = feature_set.subset(groups=[group]).names
        said = " | ".join(entry[key] for key in ("words", "source", "reason", "sensitivity"))
        lines.append(f"| `{group}` | {len(columns)} | {said} |")
        names.append(f"- **{group}**: " + ", ".join(f"`{name}`" for name in columns))
    return "\n".join([*lines, "", *names])


if __name__ == "__main__":
    for found, place in ((catalogue(), "groups"), (context(), "context")):
        print(listed(found, place), end="\n\n")
