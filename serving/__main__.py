"""The command line of a service that runs by itself, from a bento's ``src`` folder.

    python -m serving serve --port 3000

It has the commands of this floor, and those about duplicates; `precursor` has those of all floors.
"""

from __future__ import annotations

import typer

from features.console import run


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
    """Run one command."""
    run(commands())


if __name__ == "__main__":
    main()
