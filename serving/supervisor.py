"""The framework's supervisor, told what to do by this user alone.

It starts, watches and ends the processes that answer, and takes orders while it runs: also to start
any other command. By itself it takes them on a loopback port from whoever has an account on the
machine; here it takes them on sockets in a folder that only this user may enter.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

from bentoml._internal.utils import circus
from bentoml_cli.cli import cli

from serving.server import AGAIN


def private(folder: str) -> type[circus.Arbiter]:
    """Return a supervisor whose sockets lie in a folder."""

    class Private(circus.Arbiter):
        def __init__(self, *args: Any, **how: Any) -> None:
            ours = {
                "endpoint": f"ipc://{folder}/orders",
                "pubsub_endpoint": f"ipc://{folder}/events",
            }
            super().__init__(*args, **how | ours)

    return Private


def main() -> None:
    """Run the framework's command line with such a supervisor."""
    with tempfile.TemporaryDirectory(prefix="precursor-") as folder:
        circus.Arbiter = private(folder)  # type: ignore[misc]
        try:
            cli()
        finally:
            print(AGAIN, file=sys.stderr)


if __name__ == "__main__":
    main()
