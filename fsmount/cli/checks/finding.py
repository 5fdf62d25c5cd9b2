"""What a check found, and what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Verdict(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  # it works, but slower, later, or not for everybody
    FAIL = "fail"  # a mount will not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of ``doctor``.

    Attributes:
        name: What was looked at, in a word or two.
        verdict: How bad it is.
        said: What was found; no secret.
        fix: What to do about it; "" when nothing has to be done.
        repair: Does it, where that is safe; None where a person has to. Raises OSError.
    """

    name: str
    verdict: Verdict
    said: str
    fix: str = ""
    repair: Callable[[], object] | None = None


def ok(name: str, said: str) -> Finding:
    """Return that all is well."""
    return Finding(name=name, verdict=Verdict.OK, said=said)


def warn(
    name: str, said: str, fix: str = "", repair: Callable[[], object] | None = None
) -> Finding:
    """Return that it could be better."""
    return Finding(name=name, verdict=Verdict.WARN, said=said, fix=fix, repair=repair)


def fail(
    name: str, said: str, fix: str = "", repair: Callable[[], object] | None = None
) -> Finding:
    """Return that it will not work."""
    return Finding(name=name, verdict=Verdict.FAIL, said=said, fix=fix, repair=repair)
