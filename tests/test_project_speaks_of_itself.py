"""What every file keeps to: no machine's paths, no pickles, nothing left half done."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from house import files, product, text, tree

HERE = Path("tests") / Path(__file__).name
GENERATED = {".db", ".duckdb", ".joblib", ".parquet", ".pickle", ".pkl", ".pyc"}
LOCKS_WITH_ADDRESSES = {"Pipfile.lock", "pdm.lock", "poetry.lock", "pylock.toml", "uv.lock"}
MOST_BYTES = 1_500_000

ANYWHERE = {
    "the address of a package registry": (
        r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|(extra-)?index-url|find-links\s*="
    ),
    "a path of one machine": r"(?<![\w.~])/(home|root|work|farm|Users)/\w",
    "something left for later": r"\b(TO" r"DO|FIX" r"ME|XXX)\b",
    "a conflict that was never resolved": r"^(<{7}|>{7}) ",
    "a private key or token": r"BEGIN [A-Z ]*PRIVATE KEY|\bghp_\w{20}|\bAKIA[0-9A-Z]{12}",
}
IN_PYTHON = {
    "a pickle that is loaded": r"\b(pickle|cloudpickle|joblib|dill)\.load|allow_pickle\s*=\s*True",
    "an exception that is swallowed": (
        r"except( (Base)?Exception( as \w+)?)?:[^\n]*\n\s*(pass|continue|\.\.\.)\b"
    ),
    "a skip without a reason": r"mark\.skip(\(\s*\)|\s*\n)|pytest\.skip\(\s*\)",
    "an assertion of nothing": r"^\s*assert True\b",
    "a type error that is waved through without a name": r"type:\s*ignore(?!\[)",
    "a lint rule that is waved through without a name": r"#\s*noqa(?!:)",
}
OPTIONS_OF_THE_LOCKER = {Path("Makefile"), Path("CONTRIBUTING.md")}


def found(patterns: dict[str, str], paths: list[Path]) -> list[str]:
    """Every place where a pattern stands, with its line."""
    places = []
    for path in paths:
        for what, pattern in patterns.items():
            for match in re.finditer(pattern, text(path) or "", re.MULTILINE):
                line = (text(path) or "").count("\n", 0, match.start()) + 1
                places.append(f"{path}:{line} {what}: {match[0].strip()!r}")
    return places


def test_no_file_carries_what_belongs_to_a_machine_or_to_nobody() -> None:
    written = [path for path in files() if path not in {HERE, *OPTIONS_OF_THE_LOCKER}]
    places = found(ANYWHERE, written)
    assert not places, "\n".join(places)


def test_no_module_loads_a_pickle_or_hides_a_failure() -> None:
    modules = [path for path in files() if path.suffix == ".py" and path != HERE]
    places = found(IN_PYTHON, modules)
    assert not places, "\n".join(places)


@pytest.mark.parametrize("what", sorted(ANYWHERE | IN_PYTHON))
def test_each_pattern_finds_what_it_is_for(what: str) -> None:
    samples = {
        "the address of a package registry": "--extra-index-url https://somewhere",
        "a path of one machine": "open('/home/someone/file')",
        "something left for later": "# TO" + "DO: later",
        "a conflict that was never resolved": "<<<<<<< HEAD",
        "a private key or token": "-----BEGIN PRIVATE KEY-----",
        "a pickle that is loaded": "joblib.load(path)",
        "an exception that is swallowed": "except Exception:\n    pass",
        "a skip without a reason": "@pytest.mark.skip\ndef test(): ...",
        "an assertion of nothing": "    assert True",
        "a type error that is waved through without a name": "x = 1  # type: ignore",
        "a lint rule that is waved through without a name": "x = 1  # noqa",
    }
    assert re.search((ANYWHERE | IN_PYTHON)[what], samples[what], re.MULTILINE)


def test_nothing_generated_binary_or_huge_is_part_of_the_project() -> None:
    wrong = [
        str(path)
        for path in files()
        if path.suffix in GENERATED
        or path.name in LOCKS_WITH_ADDRESSES
        or (text(path) is not None and len(text(path) or "") > MOST_BYTES)
    ]
    assert not wrong, "\n".join(wrong)


def undocumented(path: Path) -> list[str]:
    """The module and its public classes, functions and methods that do not say what they are."""
    silent = []

    def visit(node: ast.AST, name: str) -> None:
        described = ast.get_docstring(node) if hasattr(node, "body") else ""
        first = (described or "").strip().split("\n")[0]
        if not re.match(r"[A-Z`'\"].*[.:?]$", first):
            silent.append(f"{path}: {name or 'the module'}: {first or 'no docstring'!r}")
        for child in getattr(node, "body", []):
            kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            inside_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if isinstance(child, kinds) and not child.name.startswith("_") and not inside_function:
                decorators = {ast.unparse(d).split(".")[-1] for d in child.decorator_list}
                if not decorators & {"overload", "setter"}:
                    visit(child, f"{name}.{child.name}".lstrip("."))

    visit(tree(path), "")
    return silent


def test_every_public_thing_says_what_it_is_in_one_sentence() -> None:
    migrations = Path("serving/migrations")
    described = [path for path in product() if migrations not in path.parents]
    silent = [line for path in described for line in undocumented(path)]
    assert not silent, "\n".join(silent)
