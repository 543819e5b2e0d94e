"""A process for one measure, so that its peak memory is its own.

    python -m benchmarks.child ORDER.json

The order names a measure of `benchmarks.compiler` and its arguments; what was found is written to
the file that it names as `answer`.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path


def peak_gb() -> float:
    """Return the most memory this process has had in use, in GB, mapped files included.

    Examples
    --------
    >>> 0.001 < peak_gb() < 1_000
    True
    """
    status = Path("/proc/self/status")
    if status.exists():  # of this program alone; getrusage would count the parent it came from
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / 1e9
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def main(order: Path) -> None:
    """Do what the order says, and write the answer."""
    from benchmarks.compiler import MEASURES

    said = json.loads(order.read_text(encoding="utf-8"))
    found = MEASURES[said["measure"]](**said["arguments"])
    answer = json.dumps(found | {"peak_gb": peak_gb()})
    Path(said["answer"]).write_text(answer, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
