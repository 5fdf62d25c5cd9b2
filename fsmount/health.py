"""How each remote is doing, for ``status`` and for deciding when to ask again.

A remote is ``online`` until something says otherwise; the reason is a sentence for people. Nothing
here acts: layers report what they met, other layers and people read it.
"""

from __future__ import annotations

import enum
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsmount import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


class State(enum.StrEnum):
    """One word per remote."""

    ONLINE = "online"
    OFFLINE = "offline"  # no network or no answer: what is known is served
    THROTTLED = "throttled"  # the provider asked to wait, or shut us out, until ``until``
    LOGIN_LOST = "login lost"  # a person must sign in
    GONE = "gone"  # the share is over
    FAILING = "failing"  # the provider answers with faults
    MISCONFIGURED = "misconfigured"  # a person must mend the configuration, and mount anew
    PARTIAL = "partial"  # of several remotes some are in trouble, others are not


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A snapshot: state, the reason in words, and Unix seconds until it may change (or None)."""

    state: State
    reason: str = ""
    until: float | None = None


@dataclass(slots=True, kw_only=True)
class Health:
    """The health of one remote; every layer reports to it, ``status`` reads it.

    Attributes:
        remote: Its name, for the log.
        wall: Wall clock, Unix seconds.
    """

    remote: str
    wall: Callable[[], float] = time.time
    report: Report = field(default_factory=lambda: Report(state=State.ONLINE))

    def succeeded(self) -> None:
        """An answer came: whatever was wrong is over."""
        self._become(Report(state=State.ONLINE))

    def delivered(self) -> None:
        """Bytes of a file came: a link at hand works, which says nothing of login or share."""
        if self.report.state not in (State.LOGIN_LOST, State.GONE):
            self.succeeded()

    def failed(self, exc: errors.FsmountError) -> None:
        """Take in a failure; one that says nothing about the remote (a missing file) is ignored."""
        match exc:
            case errors.Throttled():
                until = None if exc.retry_after_s is None else self.wall() + exc.retry_after_s
                self._become(Report(state=State.THROTTLED, reason=str(exc), until=until))
            case errors.Unreachable() | errors.TimedOut():
                self._become(Report(state=State.OFFLINE, reason=str(exc)))
            case errors.LoginLost() | errors.Unauthorized():
                self._become(Report(state=State.LOGIN_LOST, reason=str(exc)))
            case errors.Changed():
                pass
            case errors.Gone():
                self._become(Report(state=State.GONE, reason=str(exc)))
            case errors.UsageError():
                self._become(Report(state=State.MISCONFIGURED, reason=str(exc)))
            case errors.ProviderFault() | errors.ProtocolError():
                self._become(Report(state=State.FAILING, reason=str(exc)))
            case _:
                pass

    def _become(self, report: Report) -> None:
        if report.state is not self.report.state:
            level = logging.INFO if report.state is State.ONLINE else logging.WARNING
            log.log(level, "remote=%s is %s %s", self.remote, report.state, report.reason)
        self.report = report


class Healths:
    """The health of several remotes as one.

    Args:
        members: By the name of the remote.
    """

    def __init__(self, members: Mapping[str, Health]) -> None:
        self._members = members

    @property
    def report(self) -> Report:
        """How they are doing together, now."""
        return combined({name: health.report for name, health in self._members.items()})


def combined(reports: Mapping[str, Report]) -> Report:
    """Return one report for all of ``reports``, which are by the name of the remote.

    Of several, the reason names each that is in trouble; all in the same trouble are in that one.
    """
    if len(reports) == 1:
        return next(iter(reports.values()))
    troubled = {name: each for name, each in reports.items() if each.state is not State.ONLINE}
    if not troubled:
        return Report(state=State.ONLINE)
    states = {each.state for each in troubled.values()}
    same = len(states) == 1 and len(troubled) == len(reports)
    ends = [each.until for each in troubled.values() if each.until is not None]
    return Report(
        state=states.pop() if same else State.PARTIAL,
        reason=", ".join(
            f"{name} is {each.state}" + f": {each.reason}" * bool(each.reason)
            for name, each in troubled.items()
        ),
        until=min(ends, default=None),
    )
