"""Types that many modules speak of, each declared once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""An array of figures."""

Progress = Callable[[int, int], None]
"""What is called with how much is done and how much there is."""

Tell = Callable[[str], None]
"""What is called with each line of what goes on."""
