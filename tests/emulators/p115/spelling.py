"""Scalars that are a string in one answer and a number in the next.

Source: wire 115 §0.1 and §14.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.emulators.p115.settings import Settings

MODES = ("usual", "text", "number", "mixed")


class Spelling:
    """Writes the fields that §14.5 calls `str|int`, as the settings want them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = 0

    def text(self, field: str, value: int) -> int | str:
        """A field that is usually a string."""
        return self._written(field, value, "text")

    def number(self, field: str, value: int) -> int | str:
        """A field that is usually a number."""
        return self._written(field, value, "number")

    def amount(self, field: str, value: float) -> float | str:
        """A number that may have a fraction, or be text with one."""
        mode = self._settings.spelled.get(field, self._settings.spelling)
        if mode == "mixed":
            self._turn += 1
            mode = ("text", "number")[self._turn % 2]
        return str(value) if mode == "text" else value

    def errno(self, field: str = "errno") -> int | str:
        """The error number of a success: 0, "0" or nothing at all."""
        mode = self._settings.spelled.get(field, self._settings.spelling)
        return {"usual": 0, "number": 0, "text": "", "mixed": ""}[mode]

    def optional(self, values: dict[str, Any]) -> dict[str, Any]:
        """Fields that a client has to do without: all, or every second one missing, others null."""
        if not self._settings.on("sparse"):
            return values
        return dict.fromkeys(list(values)[::2])

    def _written(self, field: str, value: int, usual: str) -> int | str:
        mode = self._settings.spelled.get(field, self._settings.spelling)
        if mode == "usual":
            mode = usual
        elif mode == "mixed":
            self._turn += 1
            mode = ("text", "number")[self._turn % 2]
        return str(value) if mode == "text" else value
