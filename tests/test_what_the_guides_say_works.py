"""The guides to adding a feature and a question, done: on a copy, and on a small force."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from documents import blocks, shell_lines
from house import ROOT
from typer.testing import CliRunner

import precursor
from features.synthetic import synthesise
from training.commands import train as train_command
from training.questions import question

FEATURE, QUESTION = "docs/add-a-feature.md", "docs/add-a-question.md"
NEW = ("suspected_domestic_damage_n_365d", "suspected_domestic_damage_n_ever")

AGREES = """
import random, sys, tempfile
from datetime import timedelta
from pathlib import Path

import pandas as pd

from features.catalogue import catalogue
from features.history import History
import oracle
from worlds import DATA_TO, load, world

columns = [catalogue()[name] for name in sys.argv[1:]]
seen = 0
for seed in range(3):
    rows = world(random.Random(seed), people=12, events=120)
    for offence in rows["offence"][::2]:
        offence |= {"offence_code": "056/00", "domestic": True}
    at = [DATA_TO + timedelta(days=1), DATA_TO - timedelta(days=200)]
    pairs = [(r["nominal_id"], pd.Timestamp(day)) for r in rows["nominal"] for day in at]
    spine = pd.DataFrame(pairs, columns=["nominal_id", "as_of_date"])
    with tempfile.TemporaryDirectory() as folder:
        found = History(load(rows, Path(folder) / "records")).matrix(spine)
    for row in found.itertuples():
        for column in columns:
            expected = oracle.value(rows, column, row.nominal_id, row.as_of_date.date())
            assert getattr(row, column.name) == expected, (seed, row.nominal_id, column.name)
            seen += expected
assert seen, "nobody in these worlds has such a report"
print(columns[0].phrase(2))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what a feature is made of."""
    for name in ("features", "tests"):
        ignore = shutil.ignore_patterns("__pycache__", "golden", "vendor")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    return tmp_path


def run(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(copy), str(copy / "tests")))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_feature_is_one_declaration_and_one_entry_in_the_register(copy: Path) -> None:
    reports = copy / "features" / "catalogue" / "reports.py"
    (declared,) = blocks(FEATURE, "text")
    head, begins, rest = reports.read_text().partition("FEATURES: tuple[Feature, ...] = (\n")
    reports.write_text(head + begins + declared + rest)
    refused = run(copy, "-m", "features.catalogue")
    assert refused.returncode != 0
    assert "group 'domestic_damage' is not in the register" in refused.stderr

    register = copy / "features" / "catalogue" / "register.yaml"
    (entry,) = blocks(FEATURE, "yaml")
    head, begins, rest = register.read_text().partition("\ngroups:\n")
    register.write_text(head + begins + entry + rest)
    listed = run(copy, "-m", "features.catalogue")
    assert listed.returncode == 0, listed.stderr
    assert all(f"`{name}`" in listed.stdout for name in NEW)

    agrees = run(copy, "-c", AGREES, *NEW)
    assert agrees.returncode == 0, agrees.stderr
    assert agrees.stdout.startswith("2 reports naming this person as suspect of domestic abuse and")


def test_a_question_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (shown,) = blocks(QUESTION, "yaml")
    assert shown.count("\n") <= 60
    name = yaml.safe_load(shown)["name"]
    (tmp_path / f"{name}.yaml").write_text(shown)
    records = tmp_path / ".precursor" / "records" / "mine"
    synthesise(records, nominals=2_500, years=5, seed=1)
    matrix, training = shell_lines(QUESTION)
    found = CliRunner().invoke(precursor.app, matrix.split()[1:])
    assert found.exit_code == 0, f"{found.output} {found.exception}"
    assert (tmp_path / ".precursor" / "damage.parquet").is_file()

    # the training itself, in less time: the same file and records, fewer samples and rivals
    from features.history import History
    from features.loads import open_load
    from features.matrix import build
    from training.experiment import train

    words = training.split()
    assert words[:2] == ["precursor", train_command.__name__]
    asked = question(words[2]).model_copy(update={"baselines": ("base_rate", "rfg")})
    rows = build(History(open_load(words[3])), asked)
    told = train(asked, rows, register=False, refits=2, draws=50, origins=1)
    assert told.report["verdict"] in told.text


def test_what_is_wrong_with_a_question_is_listed_at_once(tmp_path: Path) -> None:
    (shown,) = blocks(QUESTION, "yaml")
    wrong = shown.replace("of: [violence]", "of: [astrology]") + "colour: blue\n"
    (tmp_path / "violence_after_damage.yaml").write_text(wrong)
    with pytest.raises(Exception, match="astrology") as refused:
        question(str(tmp_path / "violence_after_damage.yaml"))
    assert "colour" in str(refused.value)
