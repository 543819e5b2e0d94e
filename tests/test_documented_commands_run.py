"""Every command that the documents show is run on a small world, or listed with why it is not."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
import yaml
from documents import DOCUMENTS, FENCE, blocks, said, shell_lines
from house import ROOT
from typer.testing import CliRunner

from features.errors import PrecursorError
from features.synthetic import synthesise
from training.study import studies

pytestmark = pytest.mark.timeout(1800)

QUESTION = "domestic_abuse_high_harm"

PAGES_DONE_ELSEWHERE = {
    "docs/add-a-feature.md": "tests/test_what_the_guides_say_works.py does what the page says",
    "docs/add-a-question.md": "tests/test_what_the_guides_say_works.py does what the page says",
    "docs/benchmarks.md": "hours; tests/test_benchmarks_run_small.py runs the parts",
    "docs/deployment.md": "tests/test_a_force_can_deploy_it.py follows the page from top to end",
    "docs/records.md": "tests/test_docs_are_true.py takes such a folder in",
}
NOT_RUN = {
    r"make \S+": "makes an environment, or what stands in CI already: .ci/run calls them",
    r"\. \.venv/bin/activate": "the environment is the one that the tests run in",
    r"pre-commit install": "changes the checkout",
    r"pip install ": "changes the environment that the tests run in",
    r"uv pip compile ": "needs uv and a package index",
    r"pytest ": "a test of its own",
    r"export ": "a setting for the line after it",
    r"mlflow run ": "trains again; tests/test_runs_are_as_mlflow_users_expect.py has the steps",
    r"mlflow ui ": "serves until it is ended",
    r"venv-pack |PYSPARK_PYTHON=": "needs a cluster",
    r"precursor matrix .* --backend (postgres|spark)": (
        "tests/test_every_backend_gives_the_same_matrix.py runs all backends"
    ),
    r"PRECURSOR_SPARK_MASTER=\S+ precursor score ": (
        "needs Java; tests/test_spark_scores_as_one_machine_does.py runs it"
    ),
    r"precursor (serve|bento) |precursor serve$|cd precursor-bento": (
        "tests/test_server_starts_answers_and_stops.py and"
        " tests/test_bento_runs_from_its_own_folder.py start them"
    ),
    r"curl ": "needs a server; tests/test_service_answers_and_records.py asks the same",
    r"precursor bench ": "minutes to hours; tests/test_benchmarks_run_small.py runs the parts",
    r"precursor train .* --truth ": (
        "simulates three more forces; tests/test_oracles_judge_a_model.py runs it on small ones"
    ),
    r"precursor train .* --matrix ": "a second training; tests/test_promotion_passes_a_gate.py",
    r"precursor train (harassment|stalking)_": (
        "a second training; tests/test_every_question_runs_on_a_made_up_force.py"
    ),
    r"precursor ingest (broward|georgia|chicago) ": (
        "real histories; tests/test_broward_pack_becomes_canonical_records.py and its neighbours"
    ),
    r"precursor ingest database ": "tests/test_database_is_taken_in_as_of_one_moment.py",
    r"precursor retire ": "the model is gone then; tests/test_a_retired_model_stays_retired.py",
    r"precursor review-sample ": (
        "nobody is beyond the line of so short a list;"
        " tests/test_feedback_is_found_and_nothing_is_cried.py draws one"
    ),
    r"precursor watch .* --reviewed ": (
        "needs a sample; tests/test_feedback_is_found_and_nothing_is_cried.py fills one in"
    ),
    r"precursor link ": "needs names; tests/test_pairs_are_proposed_with_evidence.py makes some",
    r"precursor synthesise .* --truth ": (
        "the truth of a force takes minutes; tests/test_oracles_true_risk_is_unbiased.py"
    ),
}
"""Commands that are not run here, as patterns of their beginning, each with the reason."""

REFUSED = {
    r"precursor promote ": ("Train a better one", "so small a model beats nothing"),
    r"precursor evaluate-intervention ": ("both groups need", "too few people were treated here"),
    r"precursor watch ": ("not on record yet", "the list is new here"),
    r"precursor shadow ": ("nobody was scored in shadow yet", "the question is no shadow here"),
}
"""Commands that this small world has to refuse: what the refusal says, and why."""

ENDS_WITH = {("docs/other-systems.md", "precursor consistency published.csv"): 1}


def elsewhere(path: Path, line: str) -> str | None:
    """Why a command is not run here, if it is not."""
    found = [why for pattern, why in NOT_RUN.items() if re.match(pattern, line)]
    return PAGES_DONE_ELSEWHERE.get(str(path)) or (found[0] if found else None)


def shown() -> list[tuple[Path, str]]:
    """Every command line of every document, once for each."""
    return list(dict.fromkeys((path, line) for path in DOCUMENTS for line in shell_lines(path)))


HERE = [(path, line) for path, line in shown() if elsewhere(path, line) is None]


@cache
def door() -> object:
    import precursor

    return precursor.app


@dataclass
class World:
    """A folder in which commands are run as they are written."""

    folder: Path
    names: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def precursor(self, *words: str) -> tuple[int, str]:
        """Run a command in this process; return its exit code and what it said."""
        ended = CliRunner().invoke(door(), list(words))  # type: ignore[arg-type]
        if isinstance(ended.exception, PrecursorError):
            return ended.exception.exit_code, f"{ended.output}{ended.exception}"
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return ended.exit_code, ended.output

    def run(self, line: str) -> tuple[int, str]:
        """Run a documented line with the names of this world; a training is run once."""
        for theirs, ours in self.names.items():
            line = line.replace(theirs, ours)
        words = shlex.split(line, comments=True)
        if words[0] != "precursor":
            ended = subprocess.run(
                ["bash", "-c", line],
                cwd=self.folder,
                env=os.environ
                | {"PYTHONPATH": str(ROOT)}
                | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                check=False,
            )
            return ended.returncode, ended.stdout + ended.stderr
        if words[1] == "train":
            return 0, self.said[words[2]]
        if words[1] == "synthesise":  # the same command, made small
            shutil.rmtree(words[2], ignore_errors=True)
            words[words.index("--nominals") + 1] = "250"
        return self.precursor(*words[1:])


def exports(folder: Path) -> None:
    """A force's folder as `docs/records.md` maps it, with one row a file."""
    (mapping,) = blocks("docs/records.md", "yaml")
    (folder / "force.yaml").write_text(mapping)
    place = folder / "exports" / "2026-01"
    place.mkdir(parents=True)
    ours = {"nominal_id": "P1", "offence_id": "C1", "record_id": "C1", "role": "suspect"}
    ours |= {"offence_code": "008/30", "superseded_on": "", "known_on": "05/06/2021"}
    ours |= {"occurred_on": "04/06/2021", "born_on": "03/02/1980"}
    for table in yaml.safe_load(mapping)["tables"].values():
        row = {theirs: ours.get(name, "C1") for name, theirs in table["columns"].items()}
        (place / table["file"]).write_text(f"{','.join(row)}\n{','.join(row.values())}\n")


def register_again() -> None:
    """Register the champion once more, as challenger: cheaper than another training."""
    import mlflow

    from models import registry

    model, report = registry.download(registry.find(QUESTION, "champion"))
    with mlflow.start_run(experiment_id=registry.experiment(QUESTION)):
        again = registry.log(model, report=report)
    registry.set_alias(QUESTION, registry.CHALLENGER, again.number)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("documented")
    made = World(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PRECURSOR_HOME", str(folder / ".precursor"))
        records = folder / ".precursor" / "records"
        synthesise(records / "demo", nominals=1_000, years=5, seed=1)
        for name in ("mine", "2027-01"):
            shutil.copytree(records / "demo", records / name)
        exports(folder)
        shutil.copytree(ROOT / "docs", folder / "docs")
        (events,) = [one for one in blocks("docs/audits.md", "yaml") if one.startswith("- {name")]
        (folder / "ours.yaml").write_text(events)
        study = studies()["domestic_abuse_programme"].model_dump(mode="json")
        (folder / "our_study.yaml").write_text(yaml.safe_dump(study))
        row = "n,positives,precision,recall,MCC\n1000,200,0.70,0.14,0.26\n"
        (folder / "published.csv").write_text(row)

        promote = ("promote", QUESTION, "challenger", "--reason", "a small world", "--force")
        for words in (
            ("train", QUESTION, ".precursor/records/demo"),
            promote,
            (),
            promote,
            (),
            ("score", QUESTION, ".precursor/records/demo", "--out", "scores.csv"),
            ("publish", QUESTION),
        ):
            if not words:
                register_again()
                continue
            code, text = made.precursor(*words)
            assert code == 0, text
            made.said.setdefault(words[1], text)
        checkpoint = json.loads(made.precursor("audit", "checkpoint", "--json")[1])
        made.precursor("token", "--role", "analyst")
        (token, *_) = json.loads(made.precursor("tokens", "--json")[1])["tokens"]
        made.names = {
            "SCORE_ID": (folder / "scores.csv").read_text().splitlines()[1].split(",")[0],
            "PUBLIC_KEY": checkpoint["public_key"],
            "SEQ:HASH": f"{checkpoint['seq']}:{checkpoint['hash']}",
            "0a1b2c3d4e5f": token["token_id"],
            "stalking_escalation": QUESTION,
            " RECORDS ": " .precursor/records/demo ",
        }
    return made


@pytest.mark.parametrize(("path", "line"), HERE, ids=lambda value: str(value)[:90])
def test_a_documented_command_does_what_is_said(
    world: World, path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    monkeypatch.setenv("PRECURSOR_HOME", str(world.folder / ".precursor"))
    refusals = [told for pattern, told in REFUSED.items() if re.match(pattern, line)]
    if line.startswith("precursor ingest"):
        shutil.rmtree(world.folder / shlex.split(line)[4], ignore_errors=True)
    if line.startswith("precursor audit export"):
        (world.folder / shlex.split(line)[3]).unlink(missing_ok=True)
    code, text = world.run(line)
    if refusals:
        assert (code, refusals[0][0] in text) == (1, True), text
    else:
        assert code == ENDS_WITH.get((str(path), line), 0), text


def test_what_is_not_run_is_still_shown_somewhere() -> None:
    lines = [line for _, line in shown()]
    patterns = [*NOT_RUN, *REFUSED]
    idle = [one for one in patterns if not any(re.match(one, line) for line in lines)]
    assert not idle, "nothing begins so any more"
    for page in PAGES_DONE_ELSEWHERE:
        assert shell_lines(page), f"{page} shows no command"
    told = " ".join([*NOT_RUN.values(), *PAGES_DONE_ELSEWHERE.values()])
    for test in re.findall(r"tests/\w+\.py", told):
        assert (ROOT / test).is_file(), test


def test_every_block_says_what_language_it_is_in() -> None:
    for path in DOCUMENTS:
        unnamed = [body for language, body in FENCE.findall(said(path)) if not language]
        assert not unnamed, f"{path}: {unnamed[0]}"
