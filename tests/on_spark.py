"""A Spark session for tests, where Spark and Java are here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def spark_here() -> Iterator[None]:
    if shutil.which("java") is None:
        pytest.skip("Spark runs on Java, and there is none here")
    pytest.importorskip("pyspark", reason="Spark is not installed: pip install 'precursor[spark]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRECURSOR_SPARK_MASTER", "local[2]")
        from features.spark import session

        yield
        session().stop()
