"""Commands that give access, end it, and erase a person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, Reason, answer
from features.home import home
from serving.command_ledger import ledger
from serving.credentials import TOKEN_DAYS

app = typer.Typer()


@app.command()
def erase(
    nominal: Annotated[str, typer.Argument(metavar="NOMINAL", help="The person's id.")],
    reason: Reason,
    also: Annotated[
        list[Path] | None, typer.Option(help="A file or load elsewhere; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Erase a person: their key on the ledger, and every record, run and file that is known of.

    Example: precursor erase N000123 --reason "erasure request 7" --also scores.csv
    """
    from serving.erasure import erase as everywhere
    from serving.permissions import operator

    who = operator()
    with ledger(make=bool(also) or home().is_dir()) as book:
        found = everywhere(
            nominal, ledger=book, actor=who.actor, role=who.role, purpose=reason, also=also or ()
        )
    lines = [
        f"  {rows:,} rows: {place}"
        for kind in ("loads", "runs", "files")
        for place, rows in found[kind].items()
    ]
    text = "The person is erased. Taken out of:\n" + ("\n".join(lines) or "  no file")
    if found["not_reached"]:
        text += "\nNot reached, for it cannot be read; mend or remove it, and erase again:\n"
        text += "\n".join(f"  {place}" for place in found["not_reached"])
    text += "\nBack-ups and copies elsewhere are not reached; --also names files elsewhere."
    answer(found, text, as_json)


@app.command()
def tokens(as_json: Json = False) -> None:
    """List every token that was given, without its secret.

    Example: precursor tokens
    """
    from dataclasses import asdict

    from serving.access import Access

    with ledger(make=False) as book:
        found = [asdict(one) for one in Access(book).tokens()]
    lines = [
        f"{one['token_id']}  {one['actor']} as {one['role']}, until {one['expires_at'][:10]}"
        + (f", revoked {one['revoked_at'][:10]}" if one["revoked_at"] else "")
        for one in found
    ]
    answer({"tokens": found}, "\n".join(lines) or "No token was given yet.", as_json)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", help="As precursor tokens says.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """End a token's access now, and every session that its actor has in its role.

    Example: precursor revoke 0a1b2c3d4e5f --reason "left the project"
    """
    from serving.access import Access

    with ledger(make=False) as book:
        Access(book).revoke(token_id, purpose=reason)
    answer({"revoked": token_id}, f"Token {token_id} is revoked.", as_json)


@app.command()
def token(
    role: Annotated[str, typer.Option(help="As serving/permissions.py lists them.")],
    actor: Annotated[str | None, typer.Option(help="Whose; the system user by default.")] = None,
    days: Annotated[int, typer.Option(help="How long it lasts.")] = TOKEN_DAYS,
    as_json: Json = False,
) -> None:
    """Give access: a token for the API, or to paste on the sign-in page. It is shown once.

    Example: precursor token --role analyst --days 7
    """
    from serving.access import Access
    from serving.permissions import operator

    with ledger() as book:
        secret = Access(book).issue_token(actor or operator().actor, role, days)
    answer({"token": secret, "role": role, "days": days}, secret, as_json)
