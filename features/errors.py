"""The few errors of the house: each says where, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence


class PrecursorError(Exception):
    """Something was refused: the message names the place and the value, the remedy what to do.

    Parameters
    ----------
    message : str
        What is wrong, with place and value, as one plain sentence without a full stop.
    remedy : str
        What the reader can do about it.
    field : str, optional
        The field of a request, column of a table or key of a file that it is about.
    code : str, optional
        A stable name for programs; the class's own by default.

    Examples
    --------
    >>> error = PrecursorError("spine.csv: column 'as_of_date' is missing", remedy="Add it.")
    >>> print(error)
    spine.csv: column 'as_of_date' is missing. Add it.
    >>> error.as_json()["error"]["code"]
    'refused'
    """

    code = "refused"
    status = 400
    exit_code = 1

    def __init__(
        self, message: str, *, remedy: str, field: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.field = field
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}"

    def as_json(self) -> dict[str, dict[str, str | None]]:
        """Return the one error shape of the command line's ``--json`` and of the service."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "field": self.field,
                "remedy": self.remedy,
            }
        }


class UsageError(PrecursorError):
    """The command or the request was worded wrongly (exit code 2, status 400)."""

    code = "wrong_usage"
    exit_code = 2


class NotFound(PrecursorError):
    """What was asked for does not exist here (status 404)."""

    code = "not_found"
    status = 404


class Conflict(PrecursorError):
    """What was asked for does not fit the present state (status 409)."""

    code = "conflict"
    status = 409


class RecordsRefused(PrecursorError):
    """Records break their contract; every violation is carried along, not only the first."""

    code = "bad_records"

    def __init__(self, message: str, *, remedy: str, violations: Sequence[object] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.violations = list(violations)
