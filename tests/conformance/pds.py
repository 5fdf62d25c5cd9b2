"""The ways in to a PDS domain: shares with and without a code, drives of each kind of sign-in."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.case import Case

SHARE = Case(
    name="share",
    provider="pds",
    share=True,
    rows=("items",),
    kinds={
        "list": "list",
        "stat": "info",
        "link": "link",
        "space": "space",
        "share info": "share_info",
        "content": "content",
    },
)
LOCKED = replace(
    SHARE, name="share with a code", code="s3cr3t", emulator=("--share-password", "s3cr3t")
)
DRIVE = replace(
    SHARE,
    name="drive, key of an application",
    source="demo-jwt",
    share=False,
    signed=True,
    password=True,
)
TOKEN = replace(DRIVE, name="drive, refresh token", source="demo", password=False)
CASES = (
    DRIVE,
    SHARE,
    TOKEN,
    LOCKED,
    replace(TOKEN, name="drive, application of the web", source="demo-oauth"),
    replace(SHARE, name="share, signed", signed=True, overrides={"auth": "ref:demo"}),
    replace(SHARE, name="share, short pages", emulator=("--defect", "short-pages")),
)
