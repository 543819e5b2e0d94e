"""How windows and marks stand in a sentence."""

from __future__ import annotations

MARK_WORDS = {
    "": "",
    "order_breach": " of breach of an order",
    "high_harm": " of high harm",
    "indictable": " of indictable offences",
    "former_partner": " by a former partner",
    "partner": " by a partner",
    "stranger": " by a stranger",
    "following": " of following, watching or loitering",
    "unwanted_contact": " of repeated unwanted contact",
    "strangulation": " of strangulation or suffocation",
    "domestic": " of domestic abuse",
    "child_present": " with a child present",
    "sexual": " of sexual offences",
    "weapon": " with a weapon mentioned",
    "weapons": " of weapon possession",
    "separation": " during a separation",
    "online": " of online offences",
    "damage": " of criminal damage",
    "drugs": " of drug offences",
    "driving": " of driving offences",
    "public_order": " of public order offences",
    "other": " of other offences",
    "injury": " of violence with injury",
    "high": " graded high",
    "medium": " graded medium",
    "bailed": " on bail",
    "released_under_investigation": " under investigation",
    "no_further_action": " without further action",
}


def mark_words(mark: str) -> str:
    """Return marks as they stand in a sentence.

    Examples
    --------
    >>> mark_words("stalking"), mark_words("domestic+violence")
    (' of stalking', ' of domestic abuse and of violence')
    """
    return " and".join(
        MARK_WORDS.get(part, f" of {part.replace('_', ' ')}") for part in mark.split("+")
    )


def window_words(window: int | None) -> str:
    """Return a window as it stands in a sentence.

    Examples
    --------
    >>> window_words(90), window_words(None)
    ('in the last 90 days', 'on record')
    """
    return "on record" if window is None else f"in the last {window} days"


def compared_words(window: int | None) -> str:
    """Return the two windows that a change compares as they stand in a sentence.

    Examples
    --------
    >>> compared_words(90)
    'in the last 90 days than in the 90 days before'
    """
    return f"in the last {window} days than in the {window} days before"
