"""How the service defends itself: blocks, limits of rate, budgets of calls.

Source: wire 115 §0.9, §2.1, §13. The numbers are no one's but the test's: the page knows only what
clients ship as their defaults.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.p115 import envelope

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.p115.settings import Settings

FORMS = ("waf", "captcha", "too-frequent", "margin", "open-limit", "status")
FAMILIES = ("own", "share", "open", "login", "all")
_OPEN_TEXT = "已达到当前访问上限，请稍后再试"
_DAY_S = 86400
_UTC8_S = 8 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Calls of a family, or of a host, that are refused until a time."""

    form: str
    family: str
    host: str
    path: str
    until: float
    seconds: float


@dataclass(slots=True, kw_only=True)
class Limit:
    """So many calls in so many seconds; more are met with a block of `form` for `block_s`."""

    calls: int
    seconds: float
    form: str
    block_s: float
    seen: deque[float] = field(default_factory=deque)


class Safety:
    """What is blocked now, and what will be when it is asked too often."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._blocks: list[Block] = []
        self._limits: dict[str, Limit] = {}
        self._day = -1
        self._today = 0

    def block(
        self,
        form: str,
        family: str = "all",
        seconds: float = 300.0,
        host: str = "",
        path: str = "",
    ) -> None:
        """Refuse calls from now on: all, or those to a host whose path ends so; ValueError."""
        if form not in FORMS:
            raise ValueError(f"no block {form!r}; there are {', '.join(FORMS)}")
        if family not in FAMILIES:
            raise ValueError(f"no family {family!r}; there are {', '.join(FAMILIES)}")
        until = self._clock.now() + seconds
        self._blocks.append(
            Block(form=form, family=family, host=host, path=path, until=until, seconds=seconds)
        )

    def limit(self, family: str, calls: int, seconds: float, form: str, block_s: float) -> None:
        """Allow a family so many calls in so many seconds; none at all removes the limit."""
        if family not in FAMILIES or form not in FORMS:
            raise ValueError(f"cannot limit {family!r} with {form!r}")
        self._limits.pop(family, None)
        if calls:
            self._limits[family] = Limit(calls=calls, seconds=seconds, form=form, block_s=block_s)

    def heal(self) -> None:
        """Block nothing any more."""
        self._blocks.clear()
        for limit in self._limits.values():
            limit.seen.clear()

    def check(self, family: str, host: str, path: str) -> None:
        """Count a call and let it pass; raises Refused or Blocked."""
        now = self._clock.now()
        self._blocks = [block for block in self._blocks if block.until > now]
        for name in (family, "all"):
            limit = self._limits.get(name)
            if limit is not None:
                self._counted(limit, name, now)
        for block in self._blocks:
            concerns = block.family in (family, "all") and block.host in ("", host)
            if concerns and path.endswith(block.path):
                raise self._refusal(block, path, now)
        if family == "open":
            self._spend(path, now)

    def _counted(self, limit: Limit, family: str, now: float) -> None:
        seen = limit.seen
        while seen and seen[0] <= now - limit.seconds:
            seen.popleft()
        seen.append(now)
        if len(seen) > limit.calls:
            self.block(limit.form, family, limit.block_s)

    def _spend(self, path: str, now: float) -> None:
        """Count a call of the day, which begins at midnight in China."""
        budget = self._settings.open_daily_calls
        day = int(now + _UTC8_S) // _DAY_S
        if day != self._day:
            self._day, self._today = day, 0
        self._today += 1
        if budget and self._today > budget:
            raise self._open_limit(path)

    def _refusal(self, block: Block, path: str, now: float) -> Exception:
        match block.form:
            case "waf":
                return envelope.Blocked()
            case "captcha":
                return envelope.web(911, "请验证账号", errcode=911)
            case "too-frequent":
                return envelope.web(590075, "操作太频繁，请稍后再试")
            case "margin":
                return envelope.Refused({"margin": max(1, round(block.until - now))})
            case "open-limit":
                return self._open_limit(path)
        return envelope.Refused({"state": False, "error": "Too Many Requests"}, 429)

    def _open_limit(self, path: str) -> envelope.Refused:
        if self._settings.on("limit-plain"):
            return envelope.coded(406, _OPEN_TEXT)
        body: dict[str, Any] = {"state": False, "code": _OPEN_TEXT, "message": 770004}
        return envelope.Refused({**body, "request": path, "data": []})
