"""Under a long steady load nothing grows and everything is answered; what does grow is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.callers import Answer
from benchmarks.soak import Sample, Soaked, run


def soaked(megabytes: float, files: float = 0.0, status: int = 200) -> Soaked:
    samples = [Sample(n, 200 + megabytes * n / 100, int(20 + files * n), 8) for n in range(101)]
    return Soaked([Answer(status, 5.0)] * 30, samples)


def test_growth_is_told_in_words() -> None:
    assert soaked(0).growth() == []
    assert soaked(20).growth() == []  # settling is no growth
    assert "memory grew" in soaked(300).growth()[0]
    assert "files grew" in soaked(0, files=1).growth()[0]
    assert soaked(0, status=503).growth() == ["30 requests were not answered"]


@pytest.mark.slow
@pytest.mark.timeout(2_000)
def test_nothing_grows_in_a_quarter_of_an_hour(tmp_path: Path) -> None:
    found = run(tmp_path, seconds=15 * 60)
    assert found.growth() == [], found.data()
