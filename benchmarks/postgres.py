"""A private PostgreSQL cluster: made in a folder of its own, gone when it has been used."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PROGRAMS = ("initdb", "pg_ctl")

OWNER = "postgres" if os.name == "posix" and os.getuid() == 0 else None
"""PostgreSQL refuses to run as root, so root lends the cluster to its own user."""


def missing() -> str | None:
    """Return what this machine lacks for a cluster, in words, or None.

    Examples
    --------
    >>> reason = missing()
    >>> reason is None or "PostgreSQL" in reason
    True
    """
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{' and '.join(absent)} not on PATH: no private PostgreSQL"
    if OWNER is not None:
        import pwd

        try:
            pwd.getpwnam(OWNER)
        except KeyError:
            return f"running as root, and there is no user {OWNER} to run PostgreSQL as"
    return None


def version() -> str:
    """Return the server's version in its own words, such as 'postgres (PostgreSQL) 15.9'."""
    found = subprocess.run(
        ["pg_ctl", "--version"], check=True, capture_output=True, text=True, timeout=60
    )
    return found.stdout.strip()


@contextmanager
def cluster(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start a cluster that listens on a socket alone, and give its address.

    Parameters
    ----------
    settings : mapping of str to str, optional
        Server settings such as ``{"work_mem": "256MB"}``.

    Yields
    ------
    str
        An address with ``{database}`` in the place of a database's name.
    """
    folder = Path(tempfile.mkdtemp(prefix="precursor-postgres-", dir="/tmp"))
    data = folder / "data"
    given = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
    options = " ".join(
        f"-c {name}={value}" for name, value in {**given, **(settings or {})}.items()
    )
    try:
        if OWNER:
            shutil.chown(folder, OWNER)
        _run("initdb", "-D", data, "-U", "precursor", "-A", "trust", "-E", "UTF8", "--no-sync")
        _run("pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options, "start")
        try:
            yield f"postgresql://precursor@/{{database}}?host={folder}"
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def folder_of(address: str) -> Path:
    """Return the folder of a cluster, from the address that it gave.

    Examples
    --------
    >>> folder_of("postgresql://precursor@/{database}?host=/tmp/precursor-postgres-1").name
    'precursor-postgres-1'
    """
    return Path(parse_qs(urlsplit(address).query)["host"][0])


def postmaster(folder: Path) -> int:
    """Return the first process of the cluster in a folder."""
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def _run(*command: str | Path) -> None:
    subprocess.run(
        [str(part) for part in command],
        check=True,
        capture_output=True,
        user=OWNER,
        cwd="/",
        timeout=120,
    )
