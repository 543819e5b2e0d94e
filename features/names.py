"""What a name may be that becomes the name of a folder, a model or an address."""

from __future__ import annotations

NAME = r"^[a-z][a-z0-9_]{2,62}$"
"""A question's or a study's name: 3 to 63 small letters, digits and underscores."""
