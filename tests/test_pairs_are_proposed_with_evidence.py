"""Pairs that may be one person are proposed with their evidence; nothing is merged by it."""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import DATA_TO, Rows, load

from features.decisions import COLUMNS
from features.errors import NotFound, PrecursorError, RecordsRefused, UsageError
from features.linking import AGREE, propose
from features.loads import Load
from features.merges import apply_decisions
from features.records import TABLES
from features.spreadsheet import armed, disarmed

needs_splink = pytest.mark.skipif(
    find_spec("splink") is None, reason="Splink is not installed: pip install 'precursor[link]'"
)
Person = dict[str, str | None]
NAMES = ("forename", "surname", "born_on", "postcode", "pnc_id")
FORENAMES = [a + b for a in ("Am", "Br", "Chlo", "Ger", "Zo") for b in ("a", "yn", "ë")]
SURNAMES = [a + b for a in ("Ash", "Brad", "Cole", "Hart", "Wood") for b in ("ley", "man", "ton")]


def person(rng: random.Random, nominal_id: str) -> Person:
    born = date(1955, 1, 1) + timedelta(days=rng.randrange(18_000))
    return {
        "nominal_id": nominal_id,
        "forename": rng.choice(FORENAMES),
        "surname": rng.choice(SURNAMES),
        "born_on": born.isoformat(),
        "postcode": f"B{rng.randrange(1, 40)} {rng.randrange(1, 10)}A{rng.choice('ABDEF')}",
        "pnc_id": f"{rng.randrange(60, 99)}/{rng.randrange(10**6)}X",
    }


def people(number: int = 400) -> list[Person]:
    """People, of whom the first ten are there twice: D0 is N0 with a slip or a move."""
    rng = random.Random(1)
    found = [person(rng, f"N{at}") for at in range(number)]
    for at in range(10):
        twice = found[at] | {"nominal_id": f"D{at}", "postcode": person(rng, "")["postcode"]}
        twice |= {"pnc_id": None} if at % 2 else {"surname": f"{found[at]['surname']}e"}
        found.append(twice)
    return found


def records(folder: Path, ids: Iterable[str | None]) -> Load:
    rows: Rows = {name: [] for name in TABLES}
    for who in dict.fromkeys(ids):
        known = {"record_id": who, "nominal_id": who, "known_on": date(2020, 1, 1)}
        rows["nominal"].append(known)
    dates = {"occurred_on": date(2021, 1, 1), "known_on": date(2021, 1, 2)}
    offence = {"record_id": "O1", "reference": "R", "offence_code": "class/theft"}
    rows["offence"].append(offence | dates)
    for who in ("N0", "D0"):
        part = {"record_id": f"I{who}", "offence_id": "O1", "nominal_id": who, "role": "suspect"}
        rows["involvement"].append(part | dates)
    return load(rows, folder / "records")


def write(file: Path, rows: list[Person]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def pairs(rows: Iterable[dict[str, str]]) -> list[tuple[str, str]]:
    return [(row["nominal_id_1"], row["nominal_id_2"]) for row in rows]


@needs_splink
def test_the_same_people_are_proposed_first_and_few_others(tmp_path: Path) -> None:
    known = people()
    plain = records(tmp_path, [one["nominal_id"] for one in known])
    before = {file.name: file.read_bytes() for file in plain.path.iterdir()}
    made = propose(plain.path, write(tmp_path / "names.csv", known), tmp_path / "pairs.csv")
    rows = read(tmp_path / "pairs.csv")
    assert set(pairs(rows)[:10]) == {(f"D{at}", f"N{at}") for at in range(10)}
    assert len(rows) == made.pairs <= 12
    assert {file.name: file.read_bytes() for file in plain.path.iterdir()} == before
    first = next(row for row in rows if row["nominal_id_2"] == "N0")
    assert first["shared_offences"] == "1"
    assert "more likely to be one person" in first["born_on"]
    assert "less likely to be one person" in first["postcode"]
    assert float(first["probability"]) > 0.9
    assert all(first[column] == "" for column in COLUMNS[2:])
    odd = next(row for row in rows if row["nominal_id_2"] == "N1")
    assert odd["pnc_id"].endswith("not recorded: says nothing")


@needs_splink
def test_a_proposal_can_be_repeated_and_leaves_out_what_was_decided(tmp_path: Path) -> None:
    known = people()
    plain = records(tmp_path, [one["nominal_id"] for one in known])
    names = write(tmp_path / "names.csv", known)
    propose(plain.path, names, tmp_path / "a.csv")
    propose(plain.path, names, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    rows = read(tmp_path / "a.csv")
    for row, decision in zip(rows, ("same", "different"), strict=False):
        row |= {"decision": decision, "reviewer": "P. Reviewer", "decided_on": "2025-01-01"}
    with (tmp_path / "decided.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    decided = tmp_path / "decided.csv"
    made = propose(plain.path, names, tmp_path / "c.csv", decided=decided, most=3)
    assert pairs(read(tmp_path / "c.csv")) == pairs(rows[2:5])
    assert made.left_out == len(rows) - 5
    assert apply_decisions(plain.path, decided, tmp_path / "linked").merged == 1


@needs_splink
def test_other_names_of_one_person_are_no_pair_and_find_their_like(tmp_path: Path) -> None:
    known = people()
    known.append(known[50] | {"surname": "Formerly"})
    known.append(known[50] | {"nominal_id": "X", "surname": "Formerly", "pnc_id": None})
    plain = records(tmp_path, [one["nominal_id"] for one in known])
    names = tmp_path / "names.parquet"
    pq.write_table(pa.Table.from_pylist(known), names)
    propose(plain.path, names, tmp_path / "pairs.csv")
    found = pairs(read(tmp_path / "pairs.csv"))
    assert ("N50", "X") in found
    assert ("N50", "N50") not in found
    assert len(found) == len(set(found))


@needs_splink
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_handful_of_people_is_no_trouble(number: int, tmp_path: Path) -> None:
    known = people(10)[:number]
    plain = records(tmp_path, ["N0", "N1", "N2", "D0"])
    made = propose(plain.path, write(tmp_path / "names.csv", known), tmp_path / "pairs.csv")
    assert made.pairs == 0
    assert read(tmp_path / "pairs.csv") == []


@needs_splink
@given(st.text("'=+-@|%12 a\t", max_size=6))
def test_what_was_disarmed_comes_back_whole(text: str) -> None:
    assert armed(disarmed(text)) == text


def test_names_that_a_spreadsheet_would_run_are_disarmed(tmp_path: Path) -> None:
    known = people(40)
    for at in (0, 40):
        known[at] |= {"forename": "=cmd()", "surname": "O'Brien"}
    plain = records(tmp_path, [one["nominal_id"] for one in known])
    propose(plain.path, write(tmp_path / "names.csv", known), tmp_path / "pairs.csv")
    row = next(row for row in read(tmp_path / "pairs.csv") if row["nominal_id_1"] == "D0")
    assert row["forename"].startswith("'=CMD() | =CMD()")
    assert row["surname"].startswith("O'BRIEN | O'BRIEN")


def test_how_often_one_persons_records_agree_is_stated_whole() -> None:
    assert set(AGREE) == set(NAMES)
    for name, shares in AGREE.items():
        assert sum(shares) == pytest.approx(1), name


@needs_splink
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"nominal_id": "nobody"}, "row 1: nominal_id 'nobody' is no person of these records"),
        ({"nominal_id": None}, "row 1: nominal_id is empty"),
        ({"born_on": "31/12/1980"}, "row 1: born_on '31/12/1980' is no date"),
    ],
)
def test_identities_that_cannot_be_used_are_refused(
    spoil: Person, said: str, tmp_path: Path
) -> None:
    known = people(10)
    plain = records(tmp_path, [one["nominal_id"] for one in known])
    known[0] |= spoil
    with pytest.raises(RecordsRefused, match=said.replace("(", r"\(")):
        propose(plain.path, write(tmp_path / "names.csv", known), tmp_path / "pairs.csv")
    assert not (tmp_path / "pairs.csv").exists()


@needs_splink
def test_files_of_identities_that_are_none_are_refused(tmp_path: Path) -> None:
    plain = records(tmp_path, ["N0", "D0"])
    bad = tmp_path / "bad.csv"
    for text in (b"", b"nominal_id,shoe_size\nN0,9\n", b"nominal_id;surname;forename\nN0;a;b\n"):
        bad.write_bytes(text)
        with pytest.raises(RecordsRefused):
            propose(plain.path, bad, tmp_path / "pairs.csv")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(RecordsRefused):
        propose(plain.path, tmp_path / "bad.parquet", tmp_path / "pairs.csv")
    with pytest.raises(NotFound):
        propose(plain.path, tmp_path / "nowhere.csv", tmp_path / "pairs.csv")
    with pytest.raises(UsageError):
        propose(plain.path, write(tmp_path / "names.txt", people(1)), tmp_path / "pairs.csv")


def test_a_file_that_may_hold_decisions_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(PrecursorError, match="may hold decisions"):
        propose("records", tmp_path / "names.csv", tmp_path / "pairs.csv")
    assert (tmp_path / "pairs.csv").read_text(encoding="utf-8") == "mine"


def test_without_splink_the_command_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)
    plain = records(tmp_path, ["N0", "D0"])
    assert plain.data_to == DATA_TO
    with pytest.raises(PrecursorError, match=r"pip install 'precursor\[link\]'"):
        propose(plain.path, write(tmp_path / "n.csv", people(1)), tmp_path / "pairs.csv")
