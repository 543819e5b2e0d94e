"""What the documents say exists: commands with their options, files, links, settings, targets."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from documents import DOCUMENTS, FENCE, blocks, said, shell_lines
from house import FLOORS, ROOT, product, text
from typer.testing import CliRunner

from features.records import TABLES, Table
from serving.routes import ROUTES

# by the product to its own processes
HANDED_ON = {"PRECURSOR_BARE", "PRECURSOR_MLFLOW_STORE", "PRECURSOR_WORKERS"}
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def code_spans(path: Path) -> list[str]:
    """What stands between single backticks outside blocks."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", FENCE.sub("", said(path)))


def precursor_lines() -> list[tuple[str, list[str]]]:
    """Every whole command line of `precursor` in a shell block, as (place, words after it)."""
    lines = []
    for path in DOCUMENTS:
        for line in shell_lines(path):
            words = shlex.split(line, comments=True)
            words = words[next((i for i, w in enumerate(words) if "=" not in w), 0) :]
            if words and words[0] in {"precursor", ".venv/bin/precursor"}:
                lines.append((f"{path}: {line}", words[1:]))
    return lines


def precursor_of_tools() -> list[tuple[str, list[str]]]:
    """Every command of `precursor` that the Makefile or an entry point of MLproject runs."""
    makefile = re.findall(r"^\t\$\(BIN\)/precursor (.+)$", said(Path("Makefile")), re.MULTILINE)
    steps = yaml.safe_load(said(Path("MLproject")))["entry_points"].values()
    project = [step["command"].split("precursor ", 1)[1] for step in steps]
    lines = [re.sub(r"\$\(\w+\)", "", line) for line in makefile]
    defaults = {
        name: given.get("default", "VALUE") if isinstance(given, dict) else "VALUE"
        for step in steps
        for name, given in step.get("parameters", {}).items()
    }
    lines += [line.format(**defaults) for line in project]
    return [(f"Makefile or MLproject: {line}", line.split()) for line in lines]


def precursor_spans() -> list[tuple[str, list[str]]]:
    """Every mention of a `precursor` command in running text."""
    spans = [(path, span) for path in DOCUMENTS for span in code_spans(path)]
    return [
        (f"{path}: `{span}`", span.split()[1:])
        for path, span in spans
        if span.startswith("precursor ")
    ]


@cache
def door() -> Any:
    """The command line as a tree of commands."""
    import precursor

    return typer.main.get_command(precursor.app)


def command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words name, and what is left of them."""
    found, left = door(), list(words)
    while hasattr(found, "commands") and left and not left[0].startswith("-"):
        assert left[0] in found.commands, f"there is no command '{left[0]}'"
        found = found.commands[left.pop(0)]
    return found, left


def options(found: Any) -> set[str]:
    """The options of a command."""
    return {"--help"} | {
        name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize(
    ("place", "words"), precursor_spans() + precursor_lines(), ids=lambda value: str(value)[:90]
)
def test_every_command_named_exists_with_its_options(place: str, words: list[str]) -> None:
    found, left = command(words)
    unknown = {word.split("=")[0] for word in left if word.startswith("--")} - options(found)
    assert not unknown, f"{place}: no such option of '{found.name}'"


@pytest.mark.parametrize(
    ("place", "words"),
    precursor_lines() + precursor_of_tools(),
    ids=lambda value: str(value)[:90],
)
def test_every_whole_command_line_can_be_parsed(place: str, words: list[str]) -> None:
    found, left = command(words)
    assert not hasattr(found, "commands"), f"{place}: names a group, not a command"
    with found.context_class(found, info_name=found.name) as context:
        given, rest, _ = found.make_parser(context).parse_args(args=list(left))
    required = [p.name for p in found.params if p.param_type_name == "argument" and p.required]
    missing = [name for name in required if not isinstance(given.get(name), str | list | tuple)]
    assert not rest, f"{place}: nothing takes {rest}"
    assert not missing, f"{place}: without {missing}"
    if isinstance(question := given.get("question"), str):
        of_ours = (ROOT / "training" / "questions" / f"{question}.yaml").is_file()
        own = question.endswith(".yaml") and said(place.split(":")[0])
        assert of_ours or (own and f"name: {question[:-5]}\n" in own), place


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in DOCUMENTS:
        for line in [*code_spans(path), *shell_lines(path)]:
            if match := re.match(r"make (?:[A-Z]+=\S+ )*([a-z-]+)\b", line):
                assert match[1] in targets, f"{path}: {line}"


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", said(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_somewhere() -> None:
    broken = []
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", said(path))):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            there = (ROOT / path.parent / name).resolve() if name else ROOT / path
            if not there.exists():
                broken.append(f"{path}: {target}")
            elif anchor and anchor not in anchors(there.relative_to(ROOT)):
                broken.append(f"{path}: {target}: no such heading")
    assert not broken, "\n".join(broken)


def test_every_file_of_ours_that_is_named_exists() -> None:
    ours = {*FLOORS, "tests", "docs", "notebooks", ".ci"}
    missing = []
    for path in DOCUMENTS:
        for span in code_spans(path):
            of_ours = re.fullmatch(r"[\w./-]+/[\w./-]+", span) and span.split("/")[0] in ours
            if of_ours and not (ROOT / span).exists():
                missing.append(f"{path}: {span}")
    assert not missing, "\n".join(missing)


def test_settings_are_documented_and_documented_settings_exist() -> None:
    pattern = r"\bPRECURSOR_[A-Z_]+\b"
    read = {name for path in product() for name in re.findall(pattern, text(path) or "")}
    read |= set(re.findall(pattern, text(Path("tests/conftest.py")) or ""))
    documented = {name for path in DOCUMENTS for name in re.findall(pattern, said(path))}
    assert read - HANDED_ON == documented
    # the one place that has all of them
    rows = re.findall(r"^\| (`[A-Z].*?) \|", said(Path("docs/settings.md")), re.MULTILINE)
    listed = [name for row in rows for name in re.findall(pattern, row)]
    assert sorted(listed) == sorted(documented)


def described(table: Table) -> str:
    """A canonical table as `docs/records.md` shows it."""
    lines = [f"### {table.name}", "", f"A row is {table.words}.", ""]
    lines += ["| column | type | may be empty | holds |", "|---|---|---|---|"]
    for column in table.columns:
        values = ", ".join(f"`{value}`" for value in column.values)
        refers = f"refers to `{column.refers_to}`" if column.refers_to else ""
        holds = "; ".join(filter(None, [column.words, values, refers]))
        empty = "yes" if column.empty else ""
        lines.append(f"| `{column.name}` | {column.type} | {empty} | {holds} |")
    return "\n".join(lines)


@pytest.mark.parametrize("name", TABLES)
def test_every_canonical_table_is_described_as_it_is(name: str) -> None:
    assert described(TABLES[name]) in said(Path("docs/records.md"))


SAMPLES = {"nominal_id": "P1", "offence_id": "C1", "record_id": "C1", "role": "suspect"}
SAMPLES |= {"offence_code": "008/30", "superseded_on": "", "known_on": "05/06/2021"}
SAMPLES |= {"occurred_on": "04/06/2021", "born_on": "03/02/1980"}


def test_the_mapping_shown_takes_in_such_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = Path("docs/records.md")
    (shown,) = blocks(document, "yaml")
    (tmp_path / "force.yaml").write_text(shown)
    exports = tmp_path / "exports" / "2026-01"
    exports.mkdir(parents=True)
    for table in yaml.safe_load(shown)["tables"].values():
        row = {theirs: SAMPLES.get(ours, "C1") for ours, theirs in table["columns"].items()}
        lines = [",".join(row), ",".join(row.values())]
        (exports / table["file"]).write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    import precursor

    for line in shell_lines(document):
        found = CliRunner().invoke(precursor.app, shlex.split(line)[1:])
        assert found.exit_code == 0, f"{line}: {found.output} {found.exception}"
    assert "the records are good" in found.output


def test_every_route_is_described_with_its_roles() -> None:
    rows = re.findall(r"^\| `([A-Z]+) (/\S*)` \| (.+?) \|", said(Path("docs/api.md")), re.MULTILINE)
    there = {(r.method, r.path, ", ".join(r.roles) or "anonymous") for r in ROUTES}
    assert set(rows) == there


def test_the_changelog_is_kept() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[Unreleased\]\n", changelog, re.MULTILINE)
    unreleased = re.split(r"^## ", changelog, flags=re.MULTILINE)[1]
    assert re.search(r"^- \S", unreleased, re.MULTILINE), "nothing stands under Unreleased"
    named = set(re.findall(r"^### (.+)$", changelog, re.MULTILINE))
    assert named <= SECTIONS
