"""An export with a signed checkpoint, verified by a script that knows nothing of this product."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from house import FLOORS, ROOT
from ledgers import WHO, address, ledger, score, tamper  # noqa: F401 - fixtures

from features.errors import Conflict, NotFound, UsageError
from serving.chain import HASHED, entry_hash
from serving.ledger import Ledger
from serving.ledger_export import checkpoint, export, public_key

SCRIPT = ROOT / "docs" / "verify_export.py"


def verified(file: Path, key: str, *heads: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(file), key, *heads],
        capture_output=True,
        text=True,
        check=False,
        cwd=file.parent,
    )


def refused_in_words(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr


def filled(ledger: Ledger) -> None:  # noqa: F811
    for number in range(1, 8):
        score(ledger, *(f"N{n}" for n in range(number)), note="é")
        ledger.append("view", **WHO, body={"page": number})


def test_the_script_is_short_and_imports_nothing_of_ours() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert text.count("\n") <= 50
    names = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not names & {*FLOORS, "precursor"}
    assert names <= {*sys.stdlib_module_names, "cryptography"}


def test_an_export_verifies_without_us(ledger: Ledger, tmp_path: Path) -> None:  # noqa: F811
    filled(ledger)
    early = checkpoint(ledger)
    ledger.erase("N1", **WHO)
    out = tmp_path / "ledger.jsonl"
    said = export(ledger, out, **WHO)
    assert said["entries"] == ledger.head().seq == 16  # type: ignore[union-attr]
    assert said["leaves"] == 28
    key = public_key(ledger)
    done = verified(out, key, f"{early['seq']}:{early['hash']}")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"N2"' not in out.read_text(encoding="ascii"), "what is said of people stays sealed"
    assert ledger.entries(limit=1)[0].action == "export"
    with pytest.raises(Conflict):
        export(ledger, out, **WHO)


def lines_of(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()]


CHANGES: dict[str, Callable[[list[Any]], object]] = {
    "an actor": lambda lines: lines[3].update(actor="somebody else"),
    "a time": lambda lines: lines[3].update(at="2020-01-01T00:00:00.000000Z"),
    "a body": lambda lines: lines[4].update(body="{}"),
    "a leaf": lambda lines: lines[3]["leaves"][0].update(payload="AAAA"),
    "a leaf's name": lambda lines: lines[3]["leaves"][0].update(score_id="s1"),
    "a leaf gone": lambda lines: lines[3]["leaves"].pop(),
    "more in a leaf": lambda lines: lines[3]["leaves"][0].update(nominal_id="N9"),
    "leaves swapped": lambda lines: lines[3]["leaves"].reverse(),
    "an entry gone": lambda lines: lines.pop(2),
    "entries swapped": lambda lines: lines.insert(3, lines.pop(4)),
    "the tail gone": lambda lines: lines.pop(),
    "the checkpoint": lambda lines: lines[0]["checkpoint"].update(seq=3),
    "the signature": lambda lines: lines[0]["checkpoint"].update(signature="00" * 64),
}


def exported(folder: Path) -> tuple[Path, str]:
    """A small export, and the key that its checkpoint is signed with."""
    out = folder / "ledger.jsonl"
    with Ledger.open() as book:
        for number in range(3):
            score(book, "N1", "N2", "N3", number=number)
        export(book, out, **WHO)
        return out, public_key(book)


@pytest.mark.parametrize("what", CHANGES)
def test_any_change_is_found(tmp_path: Path, what: str) -> None:
    out, key = exported(tmp_path)
    lines = lines_of(out)
    CHANGES[what](lines)
    out.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="ascii")
    refused_in_words(verified(out, key))


def test_an_entry_after_the_signed_head_is_found(tmp_path: Path) -> None:
    out, key = exported(tmp_path)
    last = lines_of(out)[-1]
    added = {**last, "seq": last["seq"] + 1, "previous_hash": last["hash"], "actor": "chief"}
    added |= {"action": "sign_off", "leaves": [], "leaf_count": 0, "root": None}
    added["hash"] = entry_hash({name: added[name] for name in HASHED})
    out.write_text(out.read_text(encoding="ascii") + json.dumps(added) + "\n", encoding="ascii")
    refused_in_words(verified(out, key))


def test_a_name_that_stands_twice_and_may_be_read_in_two_ways_is_found(tmp_path: Path) -> None:
    out, key = exported(tmp_path)
    text = out.read_text(encoding="ascii")
    first = text.index('"actor"')
    out.write_text(f'{text[:first]}"actor": "somebody else", {text[first:]}', encoding="ascii")
    assert lines_of(out)[1]["actor"] == json.loads(text.splitlines()[1])["actor"]
    refused_in_words(verified(out, key))


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (0.0, "line 1 is not a whole line"),
        (0.5, "line 1 is not a whole line"),
        (1.0, "entries are missing, or others stand there: ['4:"),
        (2.01, "line 3 is not a whole line"),
        (3.99, "line 4 is not a whole line"),
        (4.0, "entries are missing, or others stand there: ['4:"),
        (4.5, "line 5 is not a whole line"),
    ],
)
def test_a_file_cut_short_is_said_to_be(tmp_path: Path, kept: float, said: str) -> None:
    """`kept` lines are left of five: the checkpoint, three scores and the export itself."""
    out = tmp_path / "ledger.jsonl"
    with Ledger.open() as book:
        for number in range(3):
            score(book, "N1", number=number)
        export(book, out, **WHO)
        key = public_key(book)
    lines = out.read_bytes().splitlines(keepends=True)
    assert len(lines) == 5
    whole, share = divmod(kept, 1)
    next_line = lines[int(whole)]
    out.write_bytes(b"".join(lines[: int(whole)]) + next_line[: int(share * len(next_line))])
    done = verified(out, key)
    refused_in_words(done)
    assert said in done.stderr


def test_what_is_no_key_is_told(tmp_path: Path) -> None:
    out, key = exported(tmp_path)
    for other in ("PUBLIC_KEY", "", key[1:], f"{key[1:]}x", key.upper().replace("0", "O")):
        done = verified(out, other)
        refused_in_words(done)
        assert "PUBLIC_KEY is none" in done.stderr


@pytest.mark.parametrize(
    "content", [b"\n", b"[]\n", b"1\n", b"{}\n", b"\xff\x00", b'{"a"', "é".encode()]
)
def test_what_is_no_export_is_told(tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "ledger.jsonl"
    out.write_bytes(content)
    done = verified(out, "00" * 32)
    refused_in_words(done)
    assert "line 1 is not a whole line of an export" in done.stderr


def test_a_chain_made_anew_does_not_hold_against_a_head_noted_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "ledger.jsonl"
    with Ledger.open() as book:
        score(book, "N1")
        export(book, out, **WHO)
        key = public_key(book)
    for seq in (1, 2, 9):  # an entry, the export that is signed, and one that is not there
        done = verified(out, key, f"{seq}:{'0' * 64}")
        refused_in_words(done)
        assert f"'{seq}:000" in done.stderr
    done = verified(out, "00" * 32)
    refused_in_words(done)
    assert "not signed with this key" in done.stderr


def test_an_empty_ledger_has_nothing_to_sign() -> None:
    with Ledger.open() as book, pytest.raises(NotFound):
        checkpoint(book)


def test_the_key_is_the_ledgers_for_good(precursor_home: Path) -> None:
    with Ledger.open() as book:
        first = public_key(book)
    with Ledger.open() as book:
        assert public_key(book) == first
    for file in precursor_home.rglob("*"):
        assert first.encode() not in (file.read_bytes() if file.is_file() else b"")


def crash(precursor_home: Path, entries: int) -> None:
    """Append in a process of its own and end it so that nothing can be tidied up."""
    code = (
        "import os\nfrom serving.ledger import Ledger\nbook = Ledger.open()\n"
        f"for _ in range({entries}):\n"
        "    book.append('view', actor='a', role='analyst', purpose='p')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -9


def cut_tail(home: Path) -> None:
    tamper(
        f"sqlite:///{home / 'ledger.db'}",
        "DELETE FROM ledger_entry WHERE seq = (SELECT max(seq) FROM ledger_entry)",
    )


def test_after_a_kill_not_one_entry_can_be_cut_unseen(precursor_home: Path) -> None:
    crash(precursor_home, 7)
    cut_tail(precursor_home)
    with Ledger.open() as book:
        found = book.verify()
    assert [(each.seq, "ends with entry 6" in each.what) for each in found.breaks] == [(7, True)]


def test_a_head_noted_in_another_folder_outlives_this_one(
    precursor_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setenv("PRECURSOR_CHECKPOINTS", str(tmp_path / "mounted"))
    with pytest.raises(UsageError, match="no folder"):
        Ledger.open()
    (tmp_path / "mounted").mkdir()
    crash(precursor_home, 3)
    cut_tail(precursor_home)
    shutil.rmtree(precursor_home / "checkpoints")
    with Ledger.open() as book:
        found = book.verify()
    assert [each.seq for each in found.breaks] == [3]
    assert "mounted" in found.breaks[0].what


def test_the_last_head_is_the_highest_whichever_process_wrote_last(precursor_home: Path) -> None:
    with Ledger.open() as first, Ledger.open() as second:
        for number in range(6):
            (first if number % 2 else second).append("view", **WHO)
        (last,) = (precursor_home / "checkpoints").glob("*.last")
        assert json.loads(last.read_text())["seq"] == 6
        assert first.verify().ok
