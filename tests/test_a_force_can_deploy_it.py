"""The page about deployment, done: databases, TLS, a weekly list, a back-up and its restore."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from documents import blocks
from house import ROOT

from features.synthetic import synthesise

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(1800)]

PAGE = "docs/deployment.md"
SECONDS_TO_START = 600
NAME = "precursor.force.internal"
NOT_DONE = {"make set-up": "this environment stands already"}
"""Lines of the page that are not run here, with the reason."""

CERTIFICATE = """
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=precursor.force.internal \
    -addext subjectAltName=DNS:precursor.force.internal -keyout etc/key.pem -out etc/cert.pem
cp etc/cert.pem ca.pem
"""


@dataclass
class Machine:
    """A force's machine: its folders, its settings, and the blocks of the page in order."""

    place: Path
    postgres: str
    port: int
    settings: str = ""
    left: list[str] = field(default_factory=lambda: blocks(PAGE, "sh"))
    done: list[str] = field(default_factory=list)

    def ours(self, text: str) -> str:
        """The page's words with this machine's names."""
        text = re.sub(
            r"postgresql://precursor@\w+\.force\.internal/(\w+)",
            lambda name: self.postgres.format(database=name[1]),
            text,
        )
        folder = self.postgres.partition("?host=")[2]
        text = re.sub(r"(db|keys)\.force\.internal", folder, text)
        text = text.replace("8443", str(self.port)).replace("0.0.0.0", "127.0.0.1")
        for path in ("/var/lib/precursor", "/mnt/elsewhere/precursor", "/etc/precursor"):
            text = text.replace(path, str(self.place / Path(path).parts[1]))
        return text.replace("curl ", f"curl --silent --resolve {NAME}:{self.port}:127.0.0.1 ")

    def run(self, script: str, *, good: bool = True) -> str:
        """Run lines in a shell, with the settings."""
        lines = [line for line in script.splitlines() if line not in NOT_DONE]
        bins = [str(Path(sys.executable).parent), os.environ["PATH"]]
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.settings + "\n".join(lines)],
            cwd=self.place,
            env=os.environ | {"PATH": ":".join(bins), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        said = f"{script}\n{ended.stdout}{ended.stderr}"
        assert (ended.returncode == 0) is good, said
        return ended.stdout + ended.stderr

    def follow(self, beginning: str, *, good: bool = True) -> str:
        """Run the next block of the page, which begins so."""
        block = self.left.pop(0)
        assert block.startswith(beginning), f"the next block of {PAGE} is:\n{block}"
        self.done.append(block)
        return self.run(self.ours(block), good=good)

    def again(self, beginning: str, *, good: bool = True) -> str:
        """Run the last block that was run before and begins so."""
        block = [block for block in self.done if block.startswith(beginning)][-1]
        return self.run(self.ours(block), good=good)

    def lose_everything(self) -> None:
        """The databases and the state folder are gone; back-ups and checkpoints lie elsewhere."""
        folder = self.postgres.partition("?host=")[2]
        for database in ("ledger", "keys"):
            self.run(f"dropdb --host={folder} --username=precursor {database}")
        shutil.rmtree(self.place / "var")


@pytest.fixture
def machine(postgres_cluster: str, tmp_path: Path) -> Iterator[Machine]:
    for program in ("openssl", "curl", "createdb", "pg_dump", "pg_restore"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = Machine(tmp_path, postgres_cluster, port)
    for folder in ("etc", "mnt"):
        (tmp_path / folder).mkdir()
    found.run(CERTIFICATE)
    (tmp_path / "etc" / "oidc.yaml").write_text(blocks("docs/access.md", "yaml")[0])
    load = synthesise(tmp_path / "made", nominals=1_000, years=5, seed=1)
    for month in ("2026-01", "2026-02"):
        exports = tmp_path / "exports" / month
        exports.mkdir(parents=True)
        for name, file in load.tables.items():
            table = pq.read_table(file)
            pq.write_table(table.drop_columns(["load"]), exports / f"{name}.parquet")
    tables = "".join(f"  {name}: {{file: {name}.parquet}}\n" for name in load.tables)
    (tmp_path / "force.yaml").write_text(f"tables:\n{tables}")
    yield found
    for database in ("ledger", "keys"):
        folder = postgres_cluster.partition("?host=")[2]
        found.run(f"dropdb --if-exists --force --host={folder} --username=precursor {database}")


def test_the_page_is_followed_from_nothing_to_a_restored_ledger(machine: Machine) -> None:
    machine.follow("make set-up")
    machine.follow("createdb")
    settings = machine.ours(machine.left.pop(0))
    assert settings.startswith("export PRECURSOR_HOME=")
    key = machine.follow("openssl rand").strip()
    machine.settings = settings.replace('"..."', f'"{key}"') + "\n"
    assert machine.follow("precursor token").startswith("precursor_")

    machine.left[0] = machine.left[0].replace("challenger --reason", "challenger --force --reason")
    assert "is in force" in machine.follow("precursor ingest")  # so small a model beats nothing

    serving = machine.left.pop(0)
    with subprocess.Popen(
        ["bash", "-c", machine.settings + "exec " + machine.ours(serving)],
        cwd=machine.place,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            asking, until = machine.left.pop(0), time.monotonic() + SECONDS_TO_START
            while True:
                try:
                    machine.run(machine.ours(asking))
                    break
                except AssertionError:
                    assert server.poll() is None, "the service ended"
                    assert time.monotonic() < until, "the service does not answer"
                    time.sleep(1)
            plain = machine.ours(asking).replace("https:", "http:")
            machine.run(plain, good=False)
        finally:
            server.terminate()

    assert "the chain holds" in machine.follow("precursor ingest")

    machine.follow("tar --create")
    machine.lose_everything()
    assert "the chain holds" in machine.follow("createdb")

    machine.run('precursor publish domestic_abuse_high_harm --purpose "after the back-up"')
    machine.lose_everything()
    named = machine.again("createdb --host=db.force.internal", good=False)
    assert "but the ledger ends with entry" in named

    assert machine.left == ["make set-up\nprecursor audit verify\n"]
