"""The ways in to Aliyundrive: own drives by its web API, shares by way of one, the Open API."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.case import Case, Wish

KINDS = {
    "list": "list",
    "stat": "info",
    "link": "link",
    "space": "space",
    "share info": "share_info",
    "content": "content",
}

DRIVE = Case(
    name="drive",
    provider="aliyundrive",
    source="demo",
    signed=True,
    kinds=KINDS,
    rows=("items",),
    wishes={what: Wish(verb="expire", details={"what": what}) for what in ("access", "refresh")},
)
UNLIMITED = ("--list-rate", "0", "--link-rate", "0", "--other-rate", "0")
OPEN = replace(DRIVE, name="drive", provider="aliyundrive_open", emulator=UNLIMITED)
SHARE = Case(
    name="share, through an own drive",
    provider="aliyundrive_share",
    share=True,
    staged=True,
    kinds=KINDS,
    rows=("items",),
)
LOCKED = replace(
    SHARE, name="share with a code", code="ab12", emulator=("--share-password", "ab12")
)
CASES = (
    DRIVE,
    replace(DRIVE, name="drive, bare items", emulator=("--defect", "bare-items")),
    replace(DRIVE, name="drive, short pages", emulator=("--defect", "short-pages")),
    replace(DRIVE, name="drive, links of 15 minutes", emulator=("--link-life", "900")),
    replace(
        DRIVE,
        name="drive, signatures checked",
        emulator=("--signature-check", "strict", "--token-kind", "mobile"),
    ),
    OPEN,
    replace(OPEN, name="drive, bare items", emulator=(*UNLIMITED, "--defect", "bare-items")),
    replace(OPEN, name="drive, by a relay", source="demo-relay"),
    SHARE,
    LOCKED,
    replace(SHARE, name="share, bare items", emulator=("--defect", "bare-items")),
)
