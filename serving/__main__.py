"""The command line of a service that runs by itself, from a bento's ``src`` folder.

    python -m serving serve --port 3000

It has the commands of this floor, and those about duplicates; `precursor` has those of all floors.
"""

from __future__ import annotations

import os
import sys

import typer

from features.errors import PrecursorError


def commands() -> typer.Typer:
    """Return the commands of this floor."""
    from serving import (
        access_commands,
        commands,
        governance_commands,
        linking_commands,
        stage_commands,
    )

    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
    for part in (commands, access_commands, governance_commands, stage_commands, linking_commands):
        app.add_typer(part.app)
    return app


def main() -> None:
    """Run one command; what is refused is told in one line and sets the exit code."""
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
    os.umask(0o077)  # whatever is written here is about people: for this user alone
    try:
        commands()()
    except PrecursorError as refused:
        print(f"Refused: {refused}", file=sys.stderr)
        sys.exit(refused.exit_code)


if __name__ == "__main__":
    main()
