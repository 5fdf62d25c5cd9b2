"""The ways in to 115: a drive by cookie, shares with and without a login, and their traps."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.case import Case, Wish

SHARE_STATES = {
    state: Wish(verb="share", details={"state": state})
    for state in ("expired", "cancelled", "fine")
}
KINDS = {
    "list": "list",
    "stat": "info",
    "link": "link",
    "space": "space",
    "share info": "list",
    "content": "content",
}


def defects(*names: str) -> tuple[str, ...]:
    """Return the command line that switches traps on."""
    return tuple(part for name in names for part in ("--defect", name))


DRIVE = Case(
    name="drive, cookie",
    provider="p115",
    source="demo",
    signed=True,
    kinds=KINDS,
    rows=("data",),
    # A cookie has no end of its own, and no credential makes a new one.
    wishes={},
)
GUEST = Case(
    name="share, guest",
    provider="p115_share",
    share=True,
    code="a1b2",
    kinds={**KINDS, "stat": "list"},
    rows=("data", "list"),
    wishes=SHARE_STATES,
)
SIGNED = replace(GUEST, name="share, lent a login", source="signed", signed=True)
CASES = (
    DRIVE,
    GUEST,
    SIGNED,
    replace(DRIVE, name="drive, every number may be text", emulator=("--spelling", "mixed")),
    replace(
        DRIVE,
        name="drive, orders refused and fields left out",
        emulator=defects("order-refused", "sparse", "links-f3", "other-cookies"),
    ),
    replace(DRIVE, name="drive by the app", overrides={"listing": "app"}),
    replace(
        GUEST,
        name="share, every number may be text",
        emulator=("--spelling", "mixed", *defects("share-list-short", "share-other-fields")),
    ),
)
