"""True tables are never refused, whatever their rounding; figures that cannot be true are found."""

from __future__ import annotations

import copy
import json
import math
import re
from pathlib import Path

import pytest
from house import files, text
from hypothesis import assume, given
from hypothesis import strategies as st
from made_up_matrix import matrix, question, result
from typer.testing import CliRunner

from features.errors import PrecursorError, UsageError
from precursor import app
from training.consistency import COUNTS, Printed, check
from training.consistency_tables import (
    check_evaluation,
    check_rows,
    read_table,
    require_consistent,
)

CELL = st.integers(min_value=1, max_value=5_000)

NUMBER = r"(-?\d+(?:\.\d+)?) ?%?"
TRIPLE = re.compile(rf"{NUMBER} \({NUMBER} to {NUMBER}\)")
"""A figure with its interval, as documents print them."""


def rates(tp: int, fp: int, fn: int, tn: int) -> dict[str, float]:
    """Every metric of four cells, by its definition."""
    n, positives, selected = tp + fp + fn + tn, tp + fn, tp + fp
    precision, recall, specificity = tp / selected, tp / positives, tn / (tn + fp)
    return {
        "prevalence": positives / n,
        "selection": selected / n,
        "precision": precision,
        "recall": recall,
        "miss_rate": fn / positives,
        "specificity": specificity,
        "fpr": fp / (tn + fp),
        "npv": tn / (tn + fn),
        "accuracy": (tp + tn) / n,
        "balanced_accuracy": (recall + specificity) / 2,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "mcc": (tp * tn - fp * fn) / math.sqrt(selected * positives * (tn + fp) * (tn + fn)),
        "lift": precision / (positives / n),
    }


def counts(tp: int, fp: int, fn: int, tn: int) -> dict[str, int]:
    cells = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    return cells | {"n": tp + fp + fn + tn, "positives": tp + fn, "selected": tp + fp}


def printed(
    given: dict[str, float], digits: int, percent: bool, keep: set[str]
) -> dict[str, Printed]:
    """Figures as a paper would print them."""
    found = {}
    for name, value in given.items():
        if name not in keep:
            continue
        shares = percent and name not in ("mcc", "lift")
        said = f"{100 * value:.{digits}f}%" if shares else f"{value:.{digits}f}"
        found[name] = Printed.of(said)
    return {name: value for name, value in found.items() if value is not None}


@given(
    st.tuples(CELL, CELL, CELL, CELL),
    st.integers(min_value=1, max_value=5),
    st.booleans(),
    st.sets(st.sampled_from(sorted(rates(1, 1, 1, 1)))),
    st.sets(st.sampled_from(COUNTS)),
)
def test_a_true_table_is_never_refused(
    cells: tuple[int, int, int, int],
    digits: int,
    percent: bool,
    shown: set[str],
    counted: set[str],
) -> None:
    row = printed(rates(*cells), digits, percent, shown)
    whole = {name: value for name, value in counts(*cells).items() if name in counted}
    row |= {k: p for k, v in whole.items() if (p := Printed.of(f"{v:,}", count=True)) is not None}
    assert [str(fault) for fault in check(row)] == []


@given(
    st.tuples(CELL, CELL, CELL, CELL),
    st.sampled_from(sorted(set(rates(1, 1, 1, 1)) - {"prevalence"})),
    st.sampled_from([-0.05, 0.05]),
)
def test_a_figure_that_was_moved_is_found(
    cells: tuple[int, int, int, int], moved: str, by: float
) -> None:
    true = rates(*cells)
    wrong = true | {moved: true[moved] + by}
    assume(-1 <= wrong[moved] <= 1 or moved == "lift")
    row = printed(wrong, 4, False, set(wrong))
    row |= {k: p for k, v in counts(*cells).items() if (p := Printed.of(v)) is not None}
    found = check(row)
    assert found, f"{moved} {true[moved]:.4f} printed as {wrong[moved]:.4f}"
    assert any(moved.replace("_", " ") in str(fault) for fault in found)


@given(st.tuples(CELL, CELL, CELL, CELL), st.floats(min_value=0.02, max_value=0.5))
def test_mcc_above_its_bound_is_found_from_three_figures(
    cells: tuple[int, int, int, int], beyond: float
) -> None:
    true = rates(*cells)
    wrong = math.sqrt(true["precision"] * true["recall"]) + beyond
    assume(wrong <= 1)
    row = printed(true | {"mcc": wrong}, 3, False, {"mcc", "precision", "recall"})
    assert [fault.rule for fault in check(row)] == ["mcc <= root(precision x recall)"]


@given(st.data())
def test_a_curve_through_its_own_points_is_never_refused(data: st.DataObject) -> None:
    y = data.draw(st.lists(st.integers(0, 1), min_size=4, max_size=60))
    assume(0 < sum(y) < len(y))
    score = data.draw(st.lists(st.integers(0, 9), min_size=len(y), max_size=len(y)))
    cut = data.draw(st.integers(0, 9))
    pairs = list(zip(y, score, strict=True))
    ones = [s for label, s in pairs if label]
    zeros = [s for label, s in pairs if not label]
    auc = sum((a > b) + (a == b) / 2 for a in ones for b in zeros) / len(ones) / len(zeros)
    row = {
        "auc": auc,
        "recall": sum(s >= cut for s in ones) / len(ones),
        "fpr": sum(s >= cut for s in zeros) / len(zeros),
    }
    assert check({k: p for k, v in row.items() if (p := Printed.of(f"{v:.3f}")) is not None}) == []


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"auc": "0.55", "recall": "0.90", "fpr": "0.10"}, "auc"),
        ({"auc": "0.99", "recall": "0.50", "fpr": "0.50"}, "auc"),
        ({"positives": "10", "recall": "0.85"}, "whole counts"),
        ({"n": "200", "prevalence": "10.3%"}, "whole counts"),
        ({"positives": "20", "recall": "0.50", "precision": "0.93"}, "whole counts"),
        ({"tp": "10.5"}, "whole counts"),
        ({"precision": "1.2"}, "range"),
        ({"brier": "-0.1"}, "range"),
        ({"mcc": "-0.9", "precision": "0.9", "recall": "0.9"}, "mcc <= root(precision x recall)"),
    ],
)
def test_each_kind_of_impossibility_has_its_words(row: dict[str, str], rule: str) -> None:
    told = {k: p for k, v in row.items() if (p := Printed.of(v, count=k in COUNTS)) is not None}
    found = check(told)
    assert [fault.rule for fault in found] == [rule]
    assert "cannot be" in found[0].words or "no whole number" in found[0].words


def test_headings_are_understood_and_others_refused() -> None:
    rows = [{"Model": "A", "Sensitivity (%)": "14.1", "PPV (%)": "70.8", "MCC": "0.684"}]
    assert [fault.row for fault in check_rows(rows)] == ["A"]
    assert check_rows([{"Model": "A", "Precision": "n/a", "Recall": "", "MCC": "-"}]) == []
    for bad in ([{"Model": "A", "Year": "2024"}], [], [{"Recall": ".1", "TPR": ".2"}]):
        with pytest.raises(UsageError, match=r"no column names|two columns name"):
            check_rows(bad)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "no rows"), (b"a,b\n1,2,3\n", "lines"), (b"\xff\xfe", "not UTF-8"), (None, "cannot")],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "table.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_table(file)


def test_the_command_finds_them_and_says_so_by_its_exit_code(tmp_path: Path) -> None:
    file = tmp_path / "published.csv"
    file.write_text("Modèle,Precision,Recall,MCC\nA,0.708,0.141,0.684\nB,0.7,0.7,0.6\n")
    done = CliRunner().invoke(app, ["consistency", str(file), "--json"])
    assert done.exit_code == 1
    assert [fault["row"] for fault in json.loads(done.output)["faults"]] == ["A"]
    file.write_text("Model,Precision,Recall,MCC\nB,0.7,0.7,0.6\n")
    assert CliRunner().invoke(app, ["consistency", str(file)]).exit_code == 0


def test_a_training_tells_nothing_impossible_and_would_be_stopped() -> None:
    told = result().report
    require_consistent(told)
    for place, wrong in (("precision", 0.99), ("recall", 0.99), ("brier", 0.4)):
        changed = copy.deepcopy(told)
        changed["evaluation"]["figures"]["model"][place]["value"] = wrong
        assert check_evaluation(changed["evaluation"])
        with pytest.raises(PrecursorError, match="cannot be true together"):
            require_consistent(changed)


def test_the_made_up_question_is_one_list() -> None:
    assert result().report["listed"] == "in_all"
    assert question().capacity < len(matrix().frame)


@pytest.mark.parametrize(
    "path", [p for p in files() if p.suffix == ".md" and p.parts[0] == "docs"], ids=str
)
def test_intervals_in_the_documents_hold_their_figures(path: Path) -> None:
    for told in TRIPLE.finditer(text(path) or ""):
        value, low, high = (float(number) for number in told.groups())
        assert low <= value <= high, told[0]


def tables(document: str) -> list[list[dict[str, str]]]:
    """The tables of a Markdown document."""
    found: list[list[dict[str, str]]] = []
    block: list[list[str]] = []
    for line in [*document.splitlines(), ""]:
        if line.startswith("|"):
            block.append([cell.strip() for cell in line.strip("|").split("|")])
        elif block:
            head, rows = block[0], block[2:]
            found.append([dict(zip(head, row, strict=False)) for row in rows])
            block = []
    return found


def test_tables_in_the_documents_are_possible() -> None:
    looked_at = 0
    for path in (p for p in files() if p.suffix == ".md"):
        for table in tables(text(path) or ""):
            try:
                faults = check_rows(table)
            except UsageError:
                continue  # no figure of a classification heads a column
            looked_at += 1
            assert [str(fault) for fault in faults] == [], path
    assert looked_at
