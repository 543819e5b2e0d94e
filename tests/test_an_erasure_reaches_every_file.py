"""After an erasure no record, list, run, matrix or scored file names the person; others stay."""

from __future__ import annotations

import csv
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import small_force
import worlds
from house import ROOT
from served import ME, NAME, put_in_force
from typer.testing import CliRunner

from features.errors import Conflict, NotFound, UsageError
from features.files import write_json
from features.forget import forget
from features.history import History
from features.loads import open_load, unchanged
from features.matrix import Matrix, write_matrix
from features.turns import erasing, erasures, turn
from features.unfinished import unfinished_file
from serving import parts
from serving.batch import score_batch
from serving.erasure import erase
from serving.kept import serve_from
from serving.ledger import Action, Leaf, Ledger
from serving.publishing import publish
from serving.replay import replay
from serving.runs import find_run, published
from serving.safe_csv import BOM, written
from serving.stock import Stock
from serving.unfinished import under_way

GONE = "N0001"


@pytest.fixture
def force(precursor_home: Path) -> Iterator[tuple[Ledger, Stock, History]]:
    """A force that was scored twice and published, with files here and elsewhere."""
    load = small_force.make_load(precursor_home / "records" / "small", people=120)
    history = History(load)
    with Ledger.open() as ledger:
        put_in_force(ledger, small_force.make_model(history), 1)
        serve_from(NAME, load)
        yield ledger, Stock(ledger), history


def scored(force: tuple[Ledger, Stock, History], out: Path) -> pd.DataFrame:
    ledger, stock, history = force
    model, version = stock.champion(NAME)
    score_batch(model, version, history, out, ledger=ledger, **ME)
    return pd.read_csv(out) if out.suffix == ".csv" else pd.read_parquet(out)


def holds(folder: Path, person: str) -> list[Path]:
    """Files in which a person's id can be read, whatever they are packed in."""
    found = []
    for file in folder.rglob("*"):
        if file.suffix == ".parquet":
            frame = pd.read_parquet(file)
            if (frame.astype("str") == person).any(axis=None):
                found.append(file)
        elif file.is_file() and person.encode() in file.read_bytes():
            found.append(file)
    return found


def test_nothing_in_the_state_folder_names_the_person_and_others_stay(
    force: tuple[Ledger, Stock, History], precursor_home: Path, tmp_path: Path
) -> None:
    ledger, stock, history = force
    elsewhere = tmp_path / "elsewhere" / "scores.csv"
    elsewhere.parent.mkdir()
    first = scored(force, elsewhere)
    scored(force, precursor_home / "scores.parquet")
    publish(NAME, ledger=ledger, **ME)
    assert GONE in set(first["nominal_id"])
    half = precursor_home / ".ranks.csv-00c0ffee.unfinished" / "part"  # its writer was killed
    half.parent.mkdir()
    half.write_text(GONE, encoding="utf-8")
    assert half in holds(precursor_home, GONE)
    found = erase(
        GONE, ledger=ledger, actor="d.p.officer", role="operator", purpose="7", also=[elsewhere]
    )
    assert holds(precursor_home, GONE) == []
    assert holds(elsewhere.parent, GONE) == []
    assert set(found["files"]) == {str(elsewhere), str(precursor_home / "scores.parquet")}
    assert set(pd.read_csv(elsewhere)["nominal_id"]) == set(first["nominal_id"]) - {GONE}
    listed = published(NAME)
    assert len(listed) == len(first) - 1
    find_run(NAME)
    publish(NAME, ledger=ledger, **ME)  # the run is still the one on record
    assert ledger.verify().ok
    unchanged(open_load(history.load.path))
    kept = first[first["nominal_id"] != GONE]["score_id"]
    for score_id in kept[:25]:
        again = replay(score_id, stock=stock, ledger=ledger, **ME, purpose="test")
        assert again.inputs_from_records.result == "equal", again.inputs_from_records
    (score_id,) = first.loc[first["nominal_id"] == GONE, "score_id"]
    again = replay(score_id, stock=stock, ledger=ledger, **ME, purpose="test")
    assert f"entry {found['entry']}:" in str(again.inputs_from_records.reason)
    body = ledger.entry(found["reach"]).body
    assert body["rows"]["files"] == 2


def test_a_running_service_knows_the_person_no_more(
    force: tuple[Ledger, Stock, History], tmp_path: Path
) -> None:
    ledger, stock, _ = force
    scored(force, tmp_path / "a.csv")
    spine = pd.DataFrame({"nominal_id": [GONE], "as_of_date": [small_force.AS_OF]})
    assert stock.get(NAME).history.born_on(spine)[0].all()
    erase(GONE, ledger=ledger, **ME, purpose="7")
    assert not stock.get(NAME).history.born_on(spine)[0].any()


def test_others_in_the_same_offence_keep_their_history_to_the_bit(tmp_path: Path) -> None:
    rows = small_force.rows(60)
    offences = [r for r in rows["involvement"] if r["nominal_id"] == GONE][:3]
    for number, part in enumerate(offences):
        for who, role in (("N0002", "suspect"), ("N0003", "victim")):
            extra = {"record_id": f"X{number}{who}", "nominal_id": who, "role": role}
            rows["involvement"].append(part | extra)
    from features.loads import write_load

    out = tmp_path / "load"
    how = {"kind": "synthetic", "data_to": small_force.DATA_TO, "synthetic": True}
    load = write_load(out, worlds.tables(rows), **how)
    spine = pd.DataFrame({"nominal_id": ["N0002", "N0003", "N0004"]})
    spine["as_of_date"] = small_force.AS_OF
    before = History(load).matrix(spine)
    assert before["co_offenders_n_ever"].iloc[0] > 0 if "co_offenders_n_ever" in before else True
    assert forget(out, GONE)["nominal"] == 1
    pd.testing.assert_frame_equal(History(open_load(out)).matrix(spine), before)
    assert open_load(out).fingerprint == load.fingerprint
    assert forget(out, GONE) == {}
    left = pd.read_parquet(out / "involvement.parquet")
    renamed = left[left["nominal_id"].str.startswith("forgotten-")]
    assert len(renamed) == 3
    assert set(renamed["offence_id"]) == {part["offence_id"] for part in offences}
    alone = {
        r["offence_id"] for r in small_force.rows(60)["involvement"] if r["nominal_id"] == GONE
    } - set(renamed["offence_id"])
    assert alone
    assert not alone & set(pd.read_parquet(out / "offence.parquet")["record_id"])


def test_a_matrix_still_belongs_to_its_manifest(
    force: tuple[Ledger, Stock, History], precursor_home: Path
) -> None:
    ledger, _, history = force
    out = precursor_home / "matrices" / "rows.parquet"
    spine = pd.DataFrame({"nominal_id": [GONE, "N0002"], "as_of_date": [small_force.AS_OF] * 2})
    write_matrix(history, small_force.QUESTION, out, spine)
    scored(force, precursor_home / "s.csv")
    erase(GONE, ledger=ledger, **ME, purpose="7")
    assert list(Matrix.read(out).frame["nominal_id"]) == ["N0002"]


def test_a_batch_that_was_killed_leaves_nothing_of_the_person(
    force: tuple[Ledger, Stock, History], precursor_home: Path
) -> None:
    ledger, _, _ = force
    with under_way({"asked": "everybody"}, small_force.AS_OF) as batch:
        (batch.path / "00000.scored.part").write_text(f"{GONE},0.5")
        write_json(batch.path / "00000.json", {"first": GONE})
    with pytest.raises(NotFound):
        erase("nobody", ledger=ledger, **ME, purpose="7")
    assert batch.path.is_dir(), "an erasure of nobody costs nobody their work"
    found = erase(GONE, ledger=ledger, **ME, purpose="7")
    assert found["unfinished"] == 1
    assert ledger.entry(found["reach"]).body["unfinished"] == 1
    assert holds(precursor_home, GONE) == []


ERASES = """
import sys
from serving.erasure import erase
from serving.ledger import Ledger
with Ledger.open() as ledger:
    print("begins", flush=True)
    erase(sys.argv[1], ledger=ledger, actor="d.p.officer", role="operator", purpose="7")
"""


@pytest.mark.parametrize("seen", [40, 120])
def test_a_batch_that_runs_meanwhile_brings_nobody_back(
    force: tuple[Ledger, Stock, History],
    precursor_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: int,
) -> None:
    ledger, stock, history = force
    scored(force, precursor_home / "before.csv")
    monkeypatch.setattr(parts, "PART", 40)
    model, version = stock.champion(NAME)
    eraser: list[subprocess.Popen[str]] = []

    def tell(done: int, total: int) -> None:
        """In the midst of the batch, or after its last part, somebody else begins to erase."""
        if not eraser and done >= min(seen, total):
            words = [sys.executable, "-c", ERASES, GONE]
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            eraser.append(subprocess.Popen(words, stdout=subprocess.PIPE, env=env, text=True))
            assert eraser[0].stdout is not None
            assert eraser[0].stdout.readline() == "begins\n"
            if seen == 40:
                assert eraser[0].wait(120) == 0

    out = precursor_home / "out.parquet"
    how = {"ledger": ledger, "progress": tell, **ME}
    if seen == 40:
        with pytest.raises(Conflict, match="erased while this was under way"):
            score_batch(model, version, history, out, **how)
        assert not out.exists()
    else:  # it has ended by the time that the erasure gets its turn, or is refused: not between
        with suppress(Conflict):
            score_batch(model, version, history, out, **how)
        assert eraser[0].wait(120) == 0
    assert holds(precursor_home, GONE) == []
    assert not list((precursor_home / "unfinished").glob("*"))
    with pytest.raises(NotFound):  # nor has a key been made for them anew
        ledger.erase(GONE, **ME, purpose="7")

    again = History(open_load(history.load.path))
    score_batch(model, version, again, out, ledger=ledger, **ME)
    assert GONE not in set(pd.read_parquet(out)["nominal_id"])
    assert ledger.verify().ok


def test_a_history_from_before_an_erasure_is_not_scored(
    force: tuple[Ledger, Stock, History], tmp_path: Path
) -> None:
    forget(force[2].load.path, GONE)
    with pytest.raises(Conflict, match="starts anew"):
        scored(force, tmp_path / "out.csv")
    assert not list(tmp_path.glob("*.csv"))


def test_it_waits_for_its_turn_and_a_batch_for_it(precursor_home: Path) -> None:
    order: list[str] = []

    def erasure() -> None:
        with erasing():
            order.append("erased")

    with turn():
        other = threading.Thread(target=erasure)
        other.start()
        with suppress(BlockingIOError):  # until it stands in the queue
            while True:
                with (precursor_home / "erasure.queue").open("a") as queue:
                    fcntl.flock(queue, fcntl.LOCK_SH | fcntl.LOCK_NB)
        order.append("written")
    with turn():  # not before the erasure, which was queued for first
        order.append("written again")
    other.join()
    assert order == ["written", "erased", "written again"]


def test_what_a_batch_left_when_it_was_killed_at_its_end_goes_too(
    force: tuple[Ledger, Stock, History], precursor_home: Path, tmp_path: Path
) -> None:
    ledger, _, _ = force
    with under_way({"out": str(tmp_path / "scores.csv")}, small_force.AS_OF) as batch:
        left = [tmp_path / f".scores{kind}.{batch.run_id}.part.csv" for kind in ("", ".rejected")]
        for file in left:
            file.write_text(f"nominal_id\n{GONE}\n")
    run = precursor_home / "runs" / NAME / f".{batch.run_id}.part"
    run.mkdir(parents=True)
    (run / "scores.parquet").write_text(GONE)
    erase(GONE, ledger=ledger, **ME, purpose="7")
    assert not run.exists()
    assert not any(file.exists() for file in left)


def test_it_can_be_run_again_and_nobody_unknown_is_erased(
    force: tuple[Ledger, Stock, History], tmp_path: Path
) -> None:
    ledger, _, _ = force
    scored(force, tmp_path / "a.csv")
    with pytest.raises(NotFound):
        erase("nobody", ledger=ledger, **ME, purpose="7")
    with pytest.raises(UsageError, match=r"missing\.csv"):
        erase(GONE, ledger=ledger, **ME, purpose="7", also=[tmp_path / "missing.csv"])
    ledger.erase(GONE, **ME, purpose="interrupted after the key")
    found = erase(GONE, ledger=ledger, **ME, purpose="7")
    assert found["entry"] is None
    assert found["loads"]
    with pytest.raises(NotFound):
        erase(GONE, ledger=ledger, **ME, purpose="7")
    assert erase("N0002", ledger=ledger, **ME, purpose="7", also=[tmp_path / "a.csv"])["files"]


@pytest.mark.parametrize("odd", [f"{GONE} ", f" {GONE}", "", "N 1", "N\u200b1", "\ud800"])
def test_what_can_be_nobody_s_id_is_refused_and_nobody_is_touched(
    force: tuple[Ledger, Stock, History], precursor_home: Path, odd: str
) -> None:
    ledger = force[0]
    pairs = precursor_home / "pairs.csv"
    pairs.write_text(f"nominal_id_1,nominal_id_2\n{GONE},\n", encoding="utf-8")
    before, head = pairs.read_bytes(), ledger.head()
    with pytest.raises(UsageError, match="no id of a person"):
        erase(odd, ledger=ledger, **ME, purpose="7")
    assert pairs.read_bytes() == before
    assert ledger.head() == head


def test_no_purpose_names_whom_it_is_about(force: tuple[Ledger, Stock, History]) -> None:
    ledger = force[0]
    head = ledger.head()
    said = ME | {"purpose": f"request of ({GONE}), by letter"}
    with pytest.raises(UsageError, match="the purpose names the person"):
        erase(GONE, ledger=ledger, **said)
    with pytest.raises(UsageError, match=r"the purpose names the person.*sign out, and in again"):
        ledger.append("view", people=[Leaf(GONE, None, {"viewed": "x"})], **said)
    assert ledger.head() == head
    ledger.append("view", people=[Leaf("N0002", None, {"viewed": "x"})], **said)


def test_an_id_of_few_digits_is_a_name_where_it_is_about_one_person(
    force: tuple[Ledger, Stock, History],
) -> None:
    ledger = force[0]
    one, other = (Leaf(who, None, {"viewed": "x"}) for who in ("4711", "2026"))
    head = ledger.head()
    with pytest.raises(UsageError, match="the purpose names the person"):
        erase("4711", ledger=ledger, **ME | {"purpose": "erasure asked for by 4711 on 3 May"})
    with pytest.raises(UsageError, match="the purpose names the person"):
        ledger.append("view", people=[one], **ME | {"purpose": "father of (4711) rang"})
    assert ledger.head() == head
    dated = ME | {"purpose": "request of 3 May 2026, week 18"}
    ledger.append("view", people=[one], **dated)
    ledger.append("list", people=[one, other], **dated)


STOPPED = """
import os, signal, sys
from serving.chain import Action
from serving.erasure import erase
from serving.ledger import Ledger

append = Ledger.append

def killed(self, action, **said):
    if action == Action.ERASURE_REACH:
        os.kill(os.getpid(), signal.SIGKILL)
    return append(self, action, **said)

Ledger.append = killed
with Ledger.open() as ledger:
    erase(sys.argv[1], ledger=ledger, actor="d.p.officer", role="operator", purpose="7")
"""


@pytest.mark.parametrize("how", ["killed", "failed"])
def test_one_that_stopped_at_its_last_step_is_gone_on_with(
    force: tuple[Ledger, Stock, History],
    precursor_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    ledger, stock, _ = force
    scored(force, precursor_home / "a.csv")
    run = find_run(NAME).run_id
    spine = pd.DataFrame({"nominal_id": [GONE], "as_of_date": [small_force.AS_OF]})
    assert stock.get(NAME).history.born_on(spine)[0].all()
    if how == "killed":
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-c", STOPPED, GONE]
        done = subprocess.run(words, env=env, check=False, timeout=300)
        assert done.returncode == -signal.SIGKILL
    else:
        append = Ledger.append

        def full(self: Ledger, action: str, **said: object) -> object:
            if action == Action.ERASURE_REACH:
                raise OSError(28, "no space left", "ledger.db")
            return append(self, action, **said)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "append", full)
            with pytest.raises(OSError, match="no space"):
                erase(GONE, ledger=ledger, **ME, purpose="7")
    assert erasures(), "workers forget the person whatever became of the last step"
    assert not stock.get(NAME).history.born_on(spine)[0].any()
    assert holds(precursor_home, GONE) == [], "what says that it was begun names nobody"
    assert not ledger.entries(action=Action.ERASURE_REACH)
    (begun,) = ledger.entries(action=Action.ERASURE)

    found = erase(GONE, ledger=ledger, **ME, purpose="7")
    body = ledger.entry(found["reach"]).body
    assert body["erasure"] == found["entry"] == begun.seq
    assert body["runs"][run] == find_run(NAME).info["sha256"]
    assert all(body["rows"][kind] for kind in ("loads", "runs", "files"))
    publish(NAME, ledger=ledger, **ME)  # the run is still the one on record
    assert not list((precursor_home / "erasing").iterdir())
    with pytest.raises(NotFound):
        erase(GONE, ledger=ledger, **ME, purpose="7")
    assert not list((precursor_home / "erasing").iterdir()), "nobody was erased"
    assert ledger.verify().ok


ID = "=N1"
HEAD = ("nominal_id", "said")


def table(separator: str = ",", end: str = "\n", said: str = "né, 5 €") -> str:
    lines = [HEAD, (ID, "a"), ("N2", f'"{said}"'), ("N3", f'"two\nlines{separator}"')]
    return "".join(separator.join(line) + end for line in lines)


TABLES = {
    "by a spreadsheet.csv": written(HEAD, [(ID, "a"), ("N2", "né"), ("N3", 3)]),
    "marked.csv": (BOM + table()).encode(),
    "IN CAPITALS.CSV": table(end="\r\n").encode(),
    "windows.csv": table().encode("cp1252"),
    "semicolons.csv": table(";").encode(),
    "tabs.csv": table("\t").encode("utf-16"),
    "long.csv": table(said="x" * 200_000).encode(),
    "pairs.csv": f"{BOM}nominal_id_1,nominal_id_2,decision\r\nN2,'{ID},\r\nN2,N3,\r\n".encode(),
    "page.csv": written(("Rank", "Person"), [(1, ID), (2, "N2")]),
    "tabs.tsv": table("\t").encode(),
    "its separator.csv": f"sep=;\n{table(';')}".encode(),
    "marked with words.csv": f"# made by hand\nOFFICIAL-SENSITIVE\n{table()}".encode(),
    "in quotation marks.csv": f'"nominal_id";"said"\n"{ID}";"a"\n"N2";"b"\n'.encode(),
    "by hand.csv": table().replace("nominal_id", "Nominal ID").encode(),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("named", [False, True], ids=["in the state folder", "with --also"])
def test_every_table_is_read_and_what_stays_is_as_it_was(
    precursor_home: Path, tmp_path: Path, name: str, named: bool
) -> None:
    file = (tmp_path / "elsewhere" if named else precursor_home) / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(TABLES[name])
    file.chmod(0o640)
    limit = csv.field_size_limit()
    with Ledger.open() as ledger:
        found = erase(ID, ledger=ledger, **ME, purpose="7", also=[file] if named else [])
    assert found["files"] == {str(file): 1}
    kept, before = file.read_bytes(), TABLES[name]
    cut = next(n for n in range(len(before)) if kept[n : n + 1] != before[n : n + 1])
    assert before[:cut] == kept[:cut]
    assert before.endswith(kept[cut:]), "all other lines are the same to the byte"
    assert len(before) - len(kept) < 40
    assert ID.encode() not in kept
    assert file.stat().st_mode & 0o777 == 0o640
    assert csv.field_size_limit() == limit


def test_what_lies_behind_links_and_beside_our_tables_is_reached(
    force: tuple[Ledger, Stock, History], precursor_home: Path, tmp_path: Path
) -> None:
    ledger, _, history = force
    disk = tmp_path / "disk"
    disk.mkdir()
    (precursor_home / "matrices").symlink_to(disk)
    (disk / "round").symlink_to(precursor_home)
    (precursor_home / "also records").symlink_to(history.load.path)
    scored(force, precursor_home / "matrices" / "scores.parquet")
    with unfinished_file(disk / "rows.parquet") as part:
        part.write_text(GONE)
    run = find_run(NAME).path
    beside = [folder / "by hand.csv" for folder in (history.load.path, run)]
    for file in beside:
        file.write_text(f"nominal_id\n{GONE}\nN0002\n")
    tables = [disk / "scores.parquet", *beside]
    assert set(tables) <= set(holds(tmp_path, GONE))
    found = erase(GONE, ledger=ledger, **ME, purpose="7")
    assert not found["not_reached"]
    assert {Path(name).resolve(): rows for name, rows in found["files"].items()} == dict.fromkeys(
        (file.resolve() for file in tables), 1
    )
    assert found["runs"] == {run.name: 1}
    assert found["loads"].keys() == {str(history.load.path)}
    assert holds(tmp_path, GONE) == []
    assert beside[0].read_text() == "nominal_id\nN0002\n"


PEOPLE = pd.DataFrame({"nominal_id": [ID, "N2", "N3"], "said": ["first", "a", "b"]})


@pytest.mark.parametrize(
    "people",
    [
        PEOPLE.astype("category"),
        PEOPLE.set_index("nominal_id"),
        PEOPLE.set_index("nominal_id").rename_axis(None),
        PEOPLE.set_index("nominal_id")
        .rename_axis(None)
        .set_axis(pd.CategoricalIndex(PEOPLE["nominal_id"]).rename(None)),
    ],
    ids=["categories", "index", "index without a name", "categories as index without a name"],
)
@pytest.mark.parametrize("name", ["people.parquet", "people.pq"])
def test_a_parquet_file_keeps_nothing_of_the_person_wherever_ids_stand(
    precursor_home: Path, people: pd.DataFrame, name: str
) -> None:
    file = precursor_home / name
    precursor_home.mkdir(exist_ok=True)
    people.to_parquet(file, compression="none")
    assert ID.encode() in file.read_bytes()
    with Ledger.open() as ledger:
        found = erase(ID, ledger=ledger, **ME, purpose="7")
    assert found["files"] == {str(file): 1}
    assert ID.encode() not in file.read_bytes()
    pq.write_table(pq.read_table(file), file, compression="none")  # what was packed comes to light
    assert ID.encode() not in file.read_bytes()
    assert b"first" not in file.read_bytes()
    assert list(pd.read_parquet(file)["said"]) == ["a", "b"]


def test_a_row_number_is_nobodys_id(precursor_home: Path) -> None:
    precursor_home.mkdir(exist_ok=True)
    PEOPLE[PEOPLE["said"] != "a"].assign(nominal_id=["N7", "N8"]).to_parquet(
        precursor_home / "rows.parquet"
    )
    with Ledger.open() as ledger, pytest.raises(NotFound):
        erase("2", ledger=ledger, **ME, purpose="7")
    assert len(pd.read_parquet(precursor_home / "rows.parquet")) == 2


def test_what_is_named_and_cannot_be_searched_is_refused_before_anything_is_destroyed(
    force: tuple[Ledger, Stock, History], precursor_home: Path, tmp_path: Path
) -> None:
    ledger, _, _ = force
    scored(force, tmp_path / "scores.parquet")
    whole = (tmp_path / "scores.parquet").read_bytes()
    wrong = {
        "cut.parquet": whole[: len(whole) // 2],
        "packed.csv.gz": b"\x1f\x8b\x81\x8d",
        "without a mark.csv": f"nominal_id\n{GONE}\n".encode("utf-16-le"),
        "names.csv": b"name,rank\na,1\n",
        "open.csv": f'nominal_id,said\nN2,"never closed\n{GONE},x\n'.encode(),
        "empty.csv": b"",
    }
    also = [tmp_path / "scores.parquet"]
    for name, content in wrong.items():
        also.append(tmp_path / name)
        also[-1].write_bytes(content)
    (tmp_path / "nothing").mkdir()
    before = holds(precursor_home, GONE)
    with pytest.raises(UsageError, match="nobody was erased") as refused:
        erase(GONE, ledger=ledger, **ME, purpose="7", also=[*also, tmp_path / "nothing"])
    for name in (*wrong, "nothing"):
        assert f"{tmp_path / name}: " in str(refused.value)
    assert f"{also[0]}: " not in str(refused.value)
    assert before
    assert holds(precursor_home, GONE) == before
    assert ledger.person(GONE)
    parts_of_one = tmp_path / "matrix"
    parts_of_one.mkdir()
    also[0].rename(parts_of_one / "0.parquet")
    found = erase(GONE, ledger=ledger, **ME, purpose="7", also=[parts_of_one])
    assert found["files"] == {str(parts_of_one / "0.parquet"): 1}


def test_what_is_broken_keeps_nobody_from_the_rest_and_is_named(
    force: tuple[Ledger, Stock, History], precursor_home: Path
) -> None:
    ledger, _, _ = force
    scored(force, precursor_home / "scores.csv")
    whole = find_run(NAME).path
    broken = {
        "unfinished/aa/plan.json": "{",
        "unfinished/ab/plan.json": '{"out": "out.csv", "run_id": "a/b"}',
        "unfinished/ac/plan.json": "[]",
        f"runs/{NAME}/r1/run.json": "{",
        f"runs/{NAME}/r2/run.json": '{"sha256": "0"}',
        "loads/other.json": "{",
        "records/other/load.json": "{",
        "cut.parquet": "PAR1",
        "open.csv": f'nominal_id\n"{GONE}',
        "packed.csv.gz": "\x1f\x8b",
        "without a mark.tsv": "n\0o\0m\0",
    }
    for name, text in broken.items():
        (precursor_home / name).parent.mkdir(parents=True, exist_ok=True)
        (precursor_home / name).write_bytes(text.encode("latin-1"))
    found = erase(GONE, ledger=ledger, **ME, purpose="7")
    for name in broken:
        place = name.removesuffix("/run.json").removesuffix("/load.json")
        assert any(f"{precursor_home / place}" in one for one in found["not_reached"]), name
    assert ledger.entry(found["reach"]).body["not_reached"] == len(broken)
    assert not list((precursor_home / "unfinished").iterdir())
    assert found["loads"]
    assert found["runs"] == {whole.name: 1}
    assert found["files"] == {str(precursor_home / "scores.csv"): 1}
    (precursor_home / "cut.parquet").unlink()
    (precursor_home / "open.csv").write_text(f'nominal_id\n"{GONE}"\n')
    found = erase(GONE, ledger=ledger, **ME, purpose="7")
    assert found["files"] == {str(precursor_home / "open.csv"): 1}


def test_the_commands_of_access_export_and_erasure(precursor_home: Path, tmp_path: Path) -> None:
    import precursor

    small_force.make_load(precursor_home / "records" / "small", people=30)

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(precursor.app, list(words))
        assert done.exit_code == code, (words, done.output, done.exception)
        return done.output

    run("token", "--role", "supervisor", "--actor", "sue")
    token_id = run("tokens").split()[0]
    assert "revoked" in run("revoke", token_id, "--reason", "left")
    assert "revoked" in run("tokens")
    assert "signature: " in run("audit", "checkpoint")
    out = tmp_path / "ledger.jsonl"
    key = run("audit", "export", str(out)).split()[-1].rstrip(".")
    script = [sys.executable, str(ROOT / "docs" / "verify_export.py"), str(out), key]
    assert subprocess.run(script, check=False).returncode == 0
    assert "rows: " in run("erase", GONE, "--reason", "request 7")
    assert holds(precursor_home, GONE) == []


def test_what_an_erasure_leaves_of_a_load_is_on_disk_before_it_takes_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a loss of power could leave a load that nobody can open."""
    load = worlds.load(small_force.rows(40), tmp_path / "load")
    on_disk: set[int] = set()
    named: dict[str, bool] = {}
    wait, rename = os.fsync, os.replace

    def waited(handle: int) -> None:
        wait(handle)
        on_disk.add(os.fstat(handle).st_ino)

    def renamed(part: Path, file: Path) -> None:
        named[file.name] = part.stat().st_ino in on_disk
        rename(part, file)

    monkeypatch.setattr(os, "fsync", waited)
    monkeypatch.setattr(os, "replace", renamed)
    forget(load.path, GONE)
    assert {"nominal.parquet", "load.json"} <= named.keys()
    assert all(named.values()), named
    assert load.path.stat().st_ino in on_disk, "the names too"
