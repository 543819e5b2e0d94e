"""A file is written whole or not at all, in one way for the whole house."""

from __future__ import annotations

import ast
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import typer
from house import ROOT, product, tree
from typer.testing import CliRunner

from features.errors import UsageError
from features.files import replacing
from features.unfinished import drop, left_behind, scratch_folder, unfinished_folder
from precursor import app

HALF_WRITTEN = """
import os, sys
from pathlib import Path
from features.files import replacing

with replacing(Path(sys.argv[1])) as part, part.open("w") as file:
    file.write("half of the n")
    file.flush()
    os.kill(os.getpid(), 9)
"""

HALF_A_FOLDER = """
import os, sys
from pathlib import Path
from features.unfinished import {made}

with {made}(Path(sys.argv[1])) as part:
    (part / "deep").mkdir()
    (part / "deep" / "note.txt").write_text("half")
    os.kill(os.getpid(), 9)
"""

BY_THEMSELVES = {
    "features/files.py",
    "features/matrix_file.py",  # a matrix is bound to its manifest before it is named
    "features/spark.py",  # an attempt on a worker, which Spark names
    "serving/batch.py",  # two files that the ledger has to know before they are named
    "serving/spark.py",  # as in features/spark.py
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("name", ["note.txt", ".hidden", "Müller & Söhne.csv", "x" * 200])
def test_a_file_takes_its_name_when_it_is_whole(
    tmp_path: Path, name: str, before: str | None, durable: bool
) -> None:
    file = tmp_path / name
    if before is not None:
        file.write_text(before, encoding="utf-8")
    with replacing(file, durable=durable) as part:
        part.write_text("new", encoding="utf-8")
        assert part.parent.parent == file.parent, "a rename across file systems is a copy"
        assert part.parent.name.startswith(".")
        assert (file.read_text(encoding="utf-8") if file.exists() else None) == before
    assert file.read_text(encoding="utf-8") == "new"
    assert names(tmp_path) == [name]


def test_a_failure_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text("old", encoding="utf-8")

    def interrupted() -> None:
        with replacing(file) as part:
            part.write_text("half of the n", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["note.txt"]


def test_a_kill_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text("old", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", HALF_WRITTEN, str(file)], cwd=ROOT, check=False, timeout=60
    )
    assert run.returncode == -9
    assert file.read_text(encoding="utf-8") == "old"
    with replacing(file) as part:
        part.write_text("new", encoding="utf-8")
    assert file.read_text(encoding="utf-8") == "new"


def test_the_part_of_a_killed_writer_is_known_from_one_under_way(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    killed = tmp_path / "deep" / "note.txt"
    subprocess.run(
        [sys.executable, "-c", HALF_WRITTEN, str(killed)], cwd=ROOT, check=False, timeout=60
    )
    (tmp_path / ".of-somebody-else").touch()
    with replacing(tmp_path / "note.txt") as part:
        part.write_text("half", encoding="utf-8")
        (left,) = left_behind(tmp_path)
        (half,) = left.iterdir()
        assert half.read_text(encoding="utf-8") == "half of the n"
        assert left.parent == killed.parent


def test_the_folder_of_a_killed_writer_is_known_from_one_under_way(tmp_path: Path) -> None:
    for made in ("unfinished_folder", "scratch_folder"):
        subprocess.run(
            [sys.executable, "-c", HALF_A_FOLDER.format(made=made), str(tmp_path / "records")],
            cwd=ROOT,
            check=False,
            timeout=60,
        )
    with scratch_folder(tmp_path / "records"), unfinished_folder(tmp_path / "other") as other:
        left = left_behind(tmp_path)
        assert len(left) == 2
        assert other not in left
        assert [(one / "deep" / "note.txt").read_text("utf-8") for one in left] == ["half"] * 2
        for one in left:
            drop(one)
        assert left_behind(tmp_path) == []


def test_a_folder_begun_by_a_killed_writer_is_begun_anew(tmp_path: Path) -> None:
    out = tmp_path / "records"
    subprocess.run(
        [sys.executable, "-c", HALF_A_FOLDER.format(made="unfinished_folder"), str(out)],
        cwd=ROOT,
        check=False,
        timeout=60,
    )
    with unfinished_folder(out) as part:
        assert names(part) == []
        part.rename(out)
    assert names(tmp_path) == ["records"]


def test_a_scratch_folder_is_for_its_user_alone_and_goes_whatever_happens(tmp_path: Path) -> None:
    def interrupted() -> None:
        with scratch_folder(tmp_path / "copy") as folder:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            (folder / "deep").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == []


def test_what_was_never_written_or_cannot_be_named_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, replacing(tmp_path / "note.txt"):
        pass
    assert raised.value.filename == str(tmp_path / "note.txt")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as raised, replacing(tmp_path / "folder") as part:
        part.write_text("new", encoding="utf-8")
    assert raised.value.filename == str(tmp_path / "folder")
    with pytest.raises(FileNotFoundError) as raised, replacing(tmp_path / "no" / "x.txt") as part:
        part.write_text("new", encoding="utf-8")
    assert raised.value.filename == str(tmp_path / "no" / "x.txt"), "the name that was asked for"
    assert names(tmp_path) == ["folder"]


def test_a_private_file_is_never_readable_by_others(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    with replacing(file, private=True) as part:
        assert stat.S_IMODE(part.parent.stat().st_mode) == 0o700
        part.write_text("ours alone", encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileNotFoundError) as raised, replacing(file, private=True):
        pass
    assert raised.value.filename == str(file)
    assert file.read_text(encoding="utf-8") == "ours alone"


def test_rights_given_to_the_part_are_the_files(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    with replacing(file) as part:
        part.write_text("ours alone", encoding="utf-8")
        part.chmod(0o600)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_two_writers_never_mix(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"

    def write(letter: str) -> None:
        for _ in range(20):
            with replacing(file) as part, part.open("w", encoding="ascii") as stream:
                for _ in range(50):
                    stream.write(letter * 100)
                    os.sched_yield()

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, "abcd"))
    assert set(file.read_text(encoding="ascii")) in [{letter} for letter in "abcd"]
    assert names(tmp_path) == ["note.txt"]


def test_nothing_else_puts_a_file_in_anothers_place() -> None:
    found = set()
    for path in product():
        if path.parts[0] == "benchmarks":
            continue
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr != "replace":
                continue
            by_os = isinstance(node.func.value, ast.Name) and node.func.value.id == "os"
            # a text's takes two arguments; a date's and a dataclass's take them by name
            by_path = len(node.args) == 1 and not node.keywords
            if by_os or by_path:
                found.add(path.as_posix())
    assert found == BY_THEMSELVES, "write it with features.files.replacing, or say here why not"


FILES = (
    ("matrix", "domestic_abuse_high_harm", "records", "FILE"),
    ("score", "domestic_abuse_high_harm", "records", "--out", "FILE"),
    ("check", "records", "--report", "FILE"),
    ("check", "records", "--all", "FILE"),
    ("features", "--register", "--out", "FILE"),
    ("synthesise", "made", "--report", "FILE"),
    ("link", "propose", "records", "identities.csv", "FILE"),
    ("record", "domestic_abuse_high_harm", "--blank", "FILE"),
    ("audit", "export", "FILE"),
    ("retired", "--out", "FILE"),
    ("retention", "records", "--out", "FILE"),
    ("review-sample", "domestic_abuse_high_harm", "--out", "FILE", "--reason", "quarterly"),
)


def parameters(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from parameters(inner, (*path, name))
    yield from ((path, one) for one in command.params)


def test_every_file_that_a_command_writes_is_among_these() -> None:
    said = re.compile(r"^(Write|CSV of those)|to write;? *(must not exist)?\.|: FILE\.")
    found = {
        (*path, parameter.opts[0])
        for path, parameter in parameters(typer.main.get_command(app))
        if said.search(parameter.help or "") and not parameter.help.startswith("Folder")
    }
    given = set()
    for words in FILES:
        option = words[words.index("FILE") - 1]
        path = words[:2] if words[0] in ("link", "audit") else words[:1]
        given.add((*path, option if option.startswith("--") else "out"))
    assert found == given


@pytest.mark.parametrize("words", FILES, ids=lambda words: " ".join(words[:-1]))
def test_no_command_makes_a_folder_for_a_file_that_it_is_to_write(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "nope" / "x.parquet"
    given = [str(file) if word == "FILE" else word for word in words]
    refused = CliRunner().invoke(app, given).exception
    assert isinstance(refused, UsageError)
    assert str(refused) == f"{file}: the folder {file.parent} does not exist. Make it first."
    assert names(tmp_path) == []
