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
    for name, lane in (told.get("governor") or {}).items():
        if notable := list(_lane(lane)):
            yield f"{name}: {', '.join(notable)}"
    for handle in told.get("handles") or ():
        yield _handle(handle)


def _state(told: Mapping[str, Any]) -> str:
    state = str(told["state"])
    if told.get("reason"):
        state += f": {told['reason']}"
    if told.get("until"):
        state += f" (until {_clock(told['until'])})"
    return state


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


def _handle(handle: Mapping[str, Any]) -> str:
    parts = [f"open: {handle['path']} ({size_text(handle['size'])})"]
    if handle.get("changed"):
        parts.append("changed since it was opened")
    if handle.get("cached"):
        parts.append(f"[{_bar(handle['cached'])}]")
    if handle.get("rate"):
        parts.append(f"{size_text(handle['rate'])}/s")
    if handle.get("size") and handle.get("position"):
        parts.append(f"at {100 * handle['position'] // handle['size']} %")
    if handle.get("link_remaining_s") is not None:
        parts.append(f"link lives {handle['link_remaining_s'] / 60:.0f} min")
    return "  ".join(parts)


def _bar(parts: list[float]) -> str:
    """Return how much of each stretch of a file is at hand; only a full block is a whole one."""
    return "".join(_LEVELS[int(part * 8)] for part in parts)


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
