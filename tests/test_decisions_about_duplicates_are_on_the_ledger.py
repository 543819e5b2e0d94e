"""Who was held to be one person, by whom and when, is recorded before the new load is answered."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_force
from typer.testing import CliRunner

from serving.ledger import Action, Ledger


def applied(load: Path, tmp_path: Path, name: str) -> tuple[int, str, Path]:
    import precursor

    file, out = tmp_path / f"{name}.csv", tmp_path / name
    lines = ["nominal_id_1,nominal_id_2,decision,reviewer,decided_on"]
    lines += ["N0001,N0002,same,P. Reviewer,2025-06-01", "N0003,N0004,different,Q. R,2025-07-01"]
    file.write_text("\n".join(lines) + "\n")
    done = CliRunner().invoke(precursor.app, ["link", "apply", str(load), str(file), str(out)])
    return done.exit_code, done.output, out


def test_each_of_a_pair_has_a_leaf_that_names_no_other(tmp_path: Path) -> None:
    load = small_force.make_load(tmp_path / "plain", people=20)
    code, output, out = applied(load.path, tmp_path, "linked")
    assert (code, out.is_dir()) == (0, True), output
    with Ledger.open() as ledger:
        (entry,) = ledger.entries(action=Action.LINKING)
        assert entry.body["decisions"] == 2
        assert entry.body["merged"] == 1
        people = ledger.people(entry.seq)
        assert [leaf.nominal_id for leaf in people] == ["N0001", "N0002", "N0003", "N0004"]
        said = people[0].payload
        assert said is not None
        assert said["linking"]["reviewer"] == "P. Reviewer"
        assert "N0002" not in str(said)
        assert ledger.verify().ok


def test_what_is_not_recorded_has_not_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = small_force.make_load(tmp_path / "plain", people=20)
    monkeypatch.setenv("PRECURSOR_DATABASE_URL", f"sqlite:///{tmp_path}/plain.csv/no/ledger.db")
    (tmp_path / "plain.csv").write_text("a file, where a folder would be needed")
    code, _, out = applied(load.path, tmp_path, "linked")
    assert code != 0
    assert not out.exists()
