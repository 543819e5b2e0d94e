"""The kinds of offence in the simulated force: their Home Office codes, and how often each occurs.

Shares are assumed, after the rough shape of published national counts. Every code is in the
taxonomy; which of them are of high harm, and their weights, is said there and nowhere here.
"""

from __future__ import annotations

import numpy as np

from features.synthetic import parameters as p
from features.synthetic.columns import Array

MURDER, ATTEMPTED_MURDER, THREATS_TO_KILL = "001/01", "002/00", "003/01"
STRANGULATION, ACTUAL_BODILY_HARM = "008/77", "008/06"
HARASSMENT, MALICIOUS_COMMUNICATIONS, PUBLIC_NETWORK = "195/94", "195/41", "196/07"

# What an offence of each sort is: Home Office code and weight.
_MIXES: dict[str, dict[str, float]] = {
    "domestic": {
        "105/01": 0.62,
        "058/00": 0.18,
        "125/11": 0.07,
        "125/09": 0.06,
        "049/10": 0.07,
    },
    "domestic_grave": {
        "008/06": 0.60,
        "008/67": 0.22,
        "008/01": 0.06,
        "028/03": 0.04,
        "105/01": 0.08,
    },
    "domestic_serious": {
        "003/01": 0.33,
        "008/77": 0.26,
        "005/01": 0.19,
        "036/03": 0.07,
        "036/01": 0.04,
        "019/08": 0.06,
        "056/01": 0.02,
        "002/00": 0.02,
        "001/01": 0.01,
    },
    "stalking": {"195/12": 0.40, "008/66": 0.37, "008/65": 0.23},
    "domestic_harassment": {"195/94": 0.57, "195/41": 0.22, "196/07": 0.06, "008/30": 0.15},
    "harassment": {"195/94": 0.46, "195/41": 0.34, "196/07": 0.12, "008/30": 0.08},
    "sexual": {"020/05": 0.72, "088/09": 0.19, "088/10": 0.06, "008/71": 0.03},
    "sexual_serious": {
        "019/08": 0.64,
        "019/12": 0.07,
        "019/07": 0.07,
        "019/16": 0.03,
        "020/03": 0.10,
        "020/06": 0.09,
    },
    "violence": {"105/01": 0.74, "125/11": 0.06, "125/12": 0.08, "008/06": 0.10, "066/01": 0.02},
    "violence_grave": {
        "008/06": 0.54,
        "008/01": 0.10,
        "008/26": 0.18,
        "008/11": 0.10,
        "066/01": 0.08,
    },
    "violence_serious": {
        "003/01": 0.34,
        "005/01": 0.42,
        "036/01": 0.06,
        "036/03": 0.04,
        "008/77": 0.05,
        "056/01": 0.05,
        "002/00": 0.03,
        "001/01": 0.01,
    },
    "acquisitive": {
        "046/00": 0.30,
        "049/10": 0.15,
        "028/03": 0.08,
        "030/02": 0.05,
        "048/01": 0.05,
        "045/10": 0.08,
        "039/00": 0.03,
        "034/01": 0.04,
        "058/00": 0.12,
        "092/61": 0.06,
        "092/50": 0.015,
        "092/51": 0.015,
        "054/00": 0.01,
        "053/40": 0.020,
        "803/09": 0.010,
        "807/01": 0.008,
        "079/01": 0.006,
    },
}

# The same offence against a male person has another code.
_AGAINST_MALE = {
    "019/08": "019/10",
    "019/12": "019/14",
    "019/07": "019/09",
    "019/16": "019/17",
    "020/05": "017/15",
    "020/06": "017/16",
    "020/03": "017/13",
}
ORDER_KINDS = (
    "domestic_violence_protection",
    "domestic_abuse_protection",
    "non_molestation",
    "restraining",
    "stalking_protection",
    "sexual_harm_prevention",
)
_BREACHES = ("997/01", "068/19", "066/39", "008/31", "008/74", "066/08")

CODES: tuple[str, ...] = tuple(
    sorted(
        {code for mix in _MIXES.values() for code in mix}.union(_AGAINST_MALE.values(), _BREACHES)
    )
)
"""Every code the force records; an offence's kind is a position here."""
_PLACE = {code: place for place, code in enumerate(CODES)}


def kind(code: str) -> int:
    """Return the position of a code.

    Examples
    --------
    >>> CODES[kind("195/12")]
    '195/12'
    """
    return _PLACE[code]


def _flags(*codes: str) -> Array:
    return np.array([code in codes for code in CODES])


GRADE = np.array(
    ["other" if c[0] == "9" else "summary" if c[0] in "18" else "indictable" for c in CODES]
)
"""Classes from 100 on and of driving are summary offences, from 900 on breaches of civil orders."""
HOMICIDE = _flags(MURDER)
RAPE = _flags(*(code for code in CODES if code.startswith("019/")))
FOUND_BY_POLICE = _flags(
    "092/61", "092/50", "092/51", "008/26", "008/11", "054/00", "803/09", "807/01"
)
WITHOUT_VICTIM = FOUND_BY_POLICE | _flags("046/00", "079/01")
OFTEN_ONLINE = _flags(MALICIOUS_COMMUNICATIONS, PUBLIC_NETWORK, "008/71")
SOMETIMES_ONLINE = _flags(HARASSMENT, "195/12", "008/66", "008/65", "008/30")
STALKING = _flags("195/12", "008/66", "008/65", "008/74")
HARASSING = _flags(HARASSMENT, MALICIOUS_COMMUNICATIONS, PUBLIC_NETWORK, "008/30", "008/31")
ARMED = _flags("005/01", ATTEMPTED_MURDER, MURDER, "008/26", "008/11", "034/01", "066/01")
CHILD_UNDER_13 = _flags("019/16", "019/17", "020/06", "017/16")
CHILD_UNDER_16 = _flags("019/07", "019/09")
AGAINST_MALE = np.array([_PLACE[_AGAINST_MALE.get(code, code)] for code in CODES])
BREACH_OF = np.array([_PLACE[code] for code in _BREACHES])
"""The kind of offence that breaching an order of each of `ORDER_KINDS` is."""

_SORTS = tuple(_MIXES)
_CUMULATED = np.zeros((len(_SORTS), len(CODES)))
for _row, _mix in enumerate(_MIXES.values()):
    for _code, _weight in _mix.items():
        _CUMULATED[_row, _PLACE[_code]] = _weight
_CUMULATED = np.cumsum(_CUMULATED / _CUMULATED.sum(axis=1, keepdims=True), axis=1)
_CUMULATED[:, -1] = 1.0


def draw_kinds(
    group: Array, serious: Array, grave: Array, stalking: Array, rng: np.random.Generator
) -> Array:
    """Draw the kind of each offence from its group.

    Parameters
    ----------
    group : integer array (k,)
    serious, grave, stalking : boolean arrays (k,)
        Whether it is of high harm; if violent, whether it is graver than most; if harassment,
        whether it amounts to stalking.
    rng : numpy.random.Generator

    Returns
    -------
    integer array (k,)
        Positions in `CODES`.

    Examples
    --------
    >>> shoplifting = draw_kinds(
    ...     np.array([p.ACQ]), *np.zeros((3, 1), dtype=bool), np.random.default_rng(5)
    ... )
    >>> CODES[shoplifting[0]] in _MIXES["acquisitive"]
    True
    """
    plain = {
        p.DAV: "domestic",
        p.DAS: "domestic_harassment",
        p.NSH: "harassment",
        p.SEX: "sexual",
        p.VIO: "violence",
        p.ACQ: "acquisitive",
    }
    sort = np.array([_SORTS.index(plain[g]) for g in range(6)])[group]
    for g, name in ((p.DAV, "domestic"), (p.VIO, "violence")):
        sort[(group == g) & grave] = _SORTS.index(f"{name}_grave")
    for g, name in ((p.DAV, "domestic"), (p.SEX, "sexual"), (p.VIO, "violence")):
        sort[(group == g) & serious] = _SORTS.index(f"{name}_serious")
    sort[stalking] = _SORTS.index("stalking")
    chance = rng.random(len(group))
    drawn: Array = (chance[:, None] > _CUMULATED[sort]).sum(axis=1)
    return drawn


def serious_mix(group: int) -> Array:
    """Return the share of each kind among the offences of high harm of a group.

    Examples
    --------
    >>> bool(abs(serious_mix(p.SEX).sum() - 1) < 1e-9)
    True
    """
    name = {p.DAV: "domestic_serious", p.SEX: "sexual_serious", p.VIO: "violence_serious"}[group]
    shares: Array = np.diff(_CUMULATED[_SORTS.index(name)], prepend=0.0)
    return shares
