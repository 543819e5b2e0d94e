"""The four floors: who may import whom, no circles, modules of one idea, a door that opens fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from house import FLOORS, ROOT, module_name, product, text, tree

MODULES = {module_name(path): path for path in product()}
LONGEST = 400
HEAVY = {
    "bentoml",
    "duckdb",
    "ibis",
    "lightgbm",
    "matplotlib",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "starlette",
}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every import of a module with its line: absolute, relative, lazy, or by name as a string."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield node.lineno, inner if inner in MODULES else source
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            name = called if isinstance(called, str) else getattr(called, "id", "")
            first = node.args[0]
            if name in {"import_module", "__import__"} and isinstance(first, ast.Constant):
                yield node.lineno, str(first.value)


def allowed(importer: str, imported: str) -> bool:
    """Whether a floor may import from another: its own, or one strictly below."""
    return importer == imported or FLOORS[imported] < FLOORS[importer]


@pytest.mark.parametrize(
    ("importer", "source", "may"),
    [
        ("models", "features", True),
        ("training", "models", True),
        ("serving", "features", True),
        ("serving", "training", False),
        ("training", "serving", False),
        ("features", "models", False),
        ("models", "models", True),
    ],
)
def test_the_rule_itself(importer: str, source: str, may: bool) -> None:
    assert allowed(importer, source) is may


def test_every_import_points_down() -> None:
    wrong = []
    for path in product():
        floor = path.parts[0]
        for line, name in imported(path):
            top = name.split(".")[0]
            if top == "benchmarks" and path == Path("precursor.py"):
                continue  # the door runs them, when asked to
            if top in {"precursor", "tests", "notebooks", "benchmarks"}:
                wrong.append(f"{path}:{line} imports {name}; nothing in the house may")
            elif top in FLOORS and floor in FLOORS and not allowed(floor, top):
                wrong.append(f"{path}:{line} imports {name}; {floor} may not import {top}")
    assert not wrong, "\n".join(wrong)


def test_no_two_modules_need_each_other() -> None:
    needs = {
        name: {source for _, source in imported(path) if source in MODULES} - {name}
        for name, path in MODULES.items()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail("a circle of imports: " + " -> ".join(error.args[1]))


def test_every_module_stays_short_enough_to_have_one_idea() -> None:
    lengths = {path: (text(path) or "").count("\n") for path in product()}
    long = [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST]
    assert not long, f"over {LONGEST} lines; what else lives there?\n" + "\n".join(long)


def loaded_by(module: str) -> set[str]:
    """Which top-level modules a fresh interpreter has loaded after importing one of ours."""
    code = f"import {module}, sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_the_door_opens_without_loading_the_house() -> None:
    assert not loaded_by("precursor") & HEAVY


def test_the_service_runs_without_the_training_stack() -> None:
    loaded = loaded_by("serving.service")
    assert not loaded & {"mlflow", "matplotlib", "shap", "training"}
