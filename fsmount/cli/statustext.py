"""What a mount told about itself, as lines for people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fsmount.cli.rows import local_time, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LEVELS = " ▁▂▃▄▅▆▇█"


def lines(told: Mapping[str, Any]) -> list[str]:
    """Return the lines of one mount's ``status``; the first names it, the others are indented."""
    head = f"{told['mountpoint']}  {told.get('source', '')}".rstrip()
    if "error" in told:
        return [head, f"  {told['error']}"]
    return [head, *(f"  {line}" for line in _body(told))]


def _body(told: Mapping[str, Any]) -> Iterator[str]:
    remotes = told.get("remotes") or ()
    if len(remotes) > 1:
        yield str(told["state"])
        for remote in remotes:
            yield f"  {remote['name']} at {', '.join(remote['paths'])}: {_state(remote)}"
    else:
        yield _state(told)
    since = local_time(int(told["since"] * 1e9))
    yield f"driver {told['driver']}, since {since}, pid {told['pid']}"
    for life in told.get("lives") or ():
        yield from _life(life, named=len(remotes) > 1)
    if space := told.get("space"):
        yield f"space: {size_text(space['used'])} of {size_text(space['total'])} used"
    if memory := told.get("memory"):
        yield (
            f"memory: {size_text(memory['memory_used'])} of {size_text(memory['memory_budget'])}; "
            f"{size_text(memory['fetched'])} fetched in {memory['gets']} "
            f"request{'s' * (memory['gets'] != 1)}, "
            f"{size_text(memory['from_disk'])} read from the disk cache"
        )
    if disk := told.get("disk"):
        off = ", not writing (the disk is full or slow)" if disk["paused"] else ""
        yield f"disk cache: {size_text(disk['bytes'])} of {size_text(disk['budget'])}{off}"
    if downloads := told.get("downloads"):
        yield f"{downloads} offline download{'s' * (downloads != 1)} under way"
    for name, lane in (told.get("governor") or {}).items():
        if notable := list(_lane(lane)):
            yield f"{name}: {', '.join(notable)}"
    for kind, guarded in (told.get("guard") or {}).items():
        if guarded["refused"]:
            yield f"guard: {guarded['refused']} opens refused to programs of the kind {kind}"
    for handle in told.get("handles") or ():
        yield from _handle(handle)


def _state(told: Mapping[str, Any]) -> str:
    state = str(told["state"])
    if told.get("reason"):
        state += f": {told['reason']}"
    if told.get("until"):
        state += f" (until {_clock(told['until'])})"
    return state


def _life(life: Mapping[str, Any], *, named: bool) -> Iterator[str]:
    """Yield how long a remote's login and share live; nothing of what it does not have."""
    whose = f"{life['remote']} " if named else ""
    if "access_ends" in life:
        said = [f"access token {_end(life['access_ends'])}"]
        if life.get("renewed"):
            said[0] += ", renewed by itself"
        if "refresh_ends" in life:
            said.append(f"refresh token {_end(life['refresh_ends'])}")
        yield f"{whose}login: {'; '.join(said)}"
    if "share_ends" in life:
        yield f"{whose}share: {_end(life['share_ends'], 'no end is told')}"


def _end(at: float | None, unknown: str = "whose end is not told") -> str:
    """Return when something ends and how long that is from now."""
    if at is None:
        return unknown
    left_s = at - time.time()
    clock = local_time(int(at * 1e9))
    return f"ended {clock}" if left_s <= 0 else f"ends in {_long(left_s)} ({clock})"


def _lane(lane: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is worth saying about one endpoint family: nothing when all is as it should be."""
    if lane["waiting"]:
        yield f"{lane['waiting']} waiting"
    if lane["learned"] and lane["rate_per_s"]:
        yield f"slowed to {lane['rate_per_s']:.2g} a second"
    if lane["blocked_until"]:
        yield f"blocked until {_clock(lane['blocked_until'])}"
    elif lane["paused_until"]:
        yield f"paused until {_clock(lane['paused_until'])}"


def _handle(handle: Mapping[str, Any]) -> Iterator[str]:
    """Yield an open file's lines: what and where in it, what is at hand, what is being done."""
    size, position = handle.get("size") or 0, handle.get("position") or 0
    what = [f"open: {handle['path']} ({size_text(size)})"]
    if handle.get("opener"):
        what.append(f"by {handle['opener']}")
    if handle.get("changed"):
        what.append("changed since it was opened")
    if size and position:
        what.append(f"at {min(100 * position // size, 100)} %")
    yield ", ".join(what)
    if handle.get("cached"):
        yield f"  [{_bar(handle['cached'])}]"
    if doing := list(_doing(handle)):
        yield f"  {', '.join(doing)}"


def _doing(handle: Mapping[str, Any]) -> Iterator[str]:
    if handle.get("rate"):
        yield f"{size_text(handle['rate'])}/s"
    if in_flight := handle.get("in_flight"):
        yield f"{in_flight} request{'s' * (in_flight != 1)} in flight"
    if handle.get("window"):
        yield f"reads {size_text(handle['window'])} ahead"
    if (left_s := handle.get("link_remaining_s")) is not None:
        yield f"link lives {_duration(left_s)}"


def _duration(seconds: float) -> str:
    """Return a time as people say it: ``40 s``, ``12 min``, ``3.2 h``."""
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _long(seconds: float) -> str:
    """Return a time of any length as people say it: up to hours as above, then in days."""
    return _duration(seconds) if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def _bar(parts: list[float]) -> str:
    """Return how much of each stretch of a file is at hand; only a full block is a whole one."""
    return "".join(_LEVELS[int(part * 8)] for part in parts)


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
