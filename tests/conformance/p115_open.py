"""The ways in to 115 Open: a refresh token, and the habits of its servers."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.case import Case, Wish

DRIVE = Case(
    name="drive, refresh token",
    provider="p115_open",
    source="demo",
    signed=True,
    kinds={
        "list": "list",
        "stat": "info",
        "link": "link",
        "space": "space",
        "content": "content",
    },
    rows=("data",),
    wishes={what: Wish(verb="expire", details={"what": what}) for what in ("access", "refresh")},
)
CASES = (
    DRIVE,
    replace(DRIVE, name="drive, every number may be text", emulator=("--spelling", "mixed")),
    replace(
        DRIVE,
        name="drive, orders refused, pages cut, links with cookies",
        emulator=(
            *("--max-page-size", "7"),
            *("--defect", "order-refused"),
            *("--defect", "links-f3"),
            *("--defect", "other-cookies"),
            *("--defect", "sparse"),
            *("--defect", "open-missing-list"),
        ),
    ),
)
