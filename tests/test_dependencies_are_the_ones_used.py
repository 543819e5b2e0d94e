"""Nothing is installed that nobody needs, nothing is imported that is not asked for by name."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from house import FLOORS, ROOT, files, tree

OURS = {*FLOORS, "benchmarks", "precursor"} | {
    path.stem for path in files() if path.parts[0] == "tests"
}
# Asked for by name, yet imported by nobody: what stands behind a URL, an option or a set-up.
NOT_IMPORTED = {
    "codespell": "`make lint`",
    "duckdb": "behind Ibis, and held below 2 for it",
    "govuk-frontend-jinja": "its templates, by name",
    "httptools": "the server takes this parser where it is installed",
    "httpx": "behind Starlette's test client",
    "mkdocs-material": "the look of `make docs`, by name",
    "mypy": "`make types`",
    "opentelemetry-exporter-otlp-proto-http": "`serving.traces`, by name",
    "pandas-stubs": "types of pandas",
    "pre-commit": "the hooks of .pre-commit-config.yaml",
    "psycopg": "behind postgresql:// addresses",
    "pytest-timeout": "`timeout` in pyproject.toml",
    "pytest-xdist": "`-n` in the Makefile",
    "python-multipart": "behind Starlette's forms",
    "ruff": "`make lint`",
    "splink": "imported by name, where it is installed",
    "setuptools": "builds the project",
    "sqlglot": "behind Ibis, and held below 30.18 for it",
    "types-pyyaml": "types of PyYAML",
    "uvloop": "the server takes this event loop where it is installed",
    "wheel": "builds the project",
}


SITE = "requirements-docs.in"
EXTRAS = (
    "requirements-link.in",
    "requirements-otlp.in",
    "requirements-science.in",
    "requirements-spark.in",
)


def test_an_extra_is_imported_only_when_it_is_used() -> None:
    lazily = asked_for(*EXTRAS)
    for path in python(product=True):
        top = [node for node in tree(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
        for node in top:
            names = [getattr(node, "module", None) or alias.name for alias in node.names]
            assert not {normal(name.split(".")[0]) for name in names} & lazily, path


def normal(name: str) -> str:
    """The one spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(*names: str) -> set[str]:
    """The distributions that requirements files name."""
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    return {normal(re.split(r"[^\w.-]", line)[0]) for line in lines if re.match(r"\w", line)}


def imports(of: list[Path]) -> dict[str, set[str]]:
    """Distributions that modules import, each with the modules that do."""
    owners = packages_distributions()
    used: dict[str, set[str]] = {}
    for path in of:
        for node in ast.walk(tree(path)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for top in {name.split(".")[0] for name in names} - OURS - sys.stdlib_module_names:
                for owner in owners.get(top, [top]):
                    used.setdefault(normal(owner), set()).add(str(path))
    return used


def python(*, product: bool) -> list[Path]:
    """The modules of the product, or the ones around it."""
    modules = [path for path in files() if path.suffix == ".py"]
    of_product = {path for path in modules if path.parts[0] in {*FLOORS, "precursor.py"}}
    return [path for path in modules if (path in of_product) is product]


def test_the_product_imports_only_what_it_asks_for() -> None:
    used = imports(python(product=True))
    # MLflow arrives in three distributions that share one package, pydantic in two.
    known = asked_for("requirements.in", *EXTRAS)
    missing = set(used) - known - {"mlflow-skinny", "mlflow-tracing", "pydantic-core"}
    assert not missing, {name: sorted(used[name]) for name in missing}


def test_tests_and_tools_import_only_what_is_asked_for() -> None:
    used = imports(python(product=False))
    peer = "benchmarks/requirements-triage.in"
    known = asked_for("requirements.in", "requirements-dev.in", *EXTRAS, SITE, peer)
    missing = set(used) - known - {"mlflow-skinny", "mlflow-tracing"}
    assert not missing, {name: sorted(used[name]) for name in missing}


def test_nothing_is_asked_for_that_nobody_uses() -> None:
    used = imports(python(product=True))
    assert not asked_for("requirements.in", *EXTRAS) - set(used) - set(NOT_IMPORTED)
    used |= imports(python(product=False))
    assert not asked_for("requirements-dev.in", SITE) - set(used) - set(NOT_IMPORTED)


def pins(lock: str) -> dict[str, str]:
    """A lock's pins with what stands beside each: version, markers and hashes."""
    entries = re.split(r"\n(?=\w)", (ROOT / lock).read_text())
    return {re.split(r" \\\n", entry)[0]: entry for entry in entries}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_is_exact_and_carries_its_hashes(lock: str) -> None:
    for pin, entry in pins(lock).items():
        assert re.match(r"[\w.-]+==[\w.]+( ;.*)?$", pin), pin
        assert "--hash=sha256:" in entry, pin


def test_the_two_locks_agree() -> None:
    there = set(pins("requirements-dev.lock"))
    for pin in pins("requirements.lock"):
        # what one system needs to run, every system may need to develop
        assert {pin, pin.split(" ;")[0]} & there, pin


@pytest.mark.parametrize(
    ("asked", "lock"),
    [
        ("requirements.in", "requirements.lock"),
        ("requirements-dev.in", "requirements-dev.lock"),
        (SITE, "requirements-dev.lock"),
    ],
)
def test_what_is_asked_for_is_locked(asked: str, lock: str) -> None:
    locked = {normal(pin.split("==")[0]) for pin in pins(lock)}
    assert asked_for(asked) <= locked
