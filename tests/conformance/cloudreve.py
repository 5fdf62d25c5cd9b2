"""The ways in to Cloudreve: drives and shares, and the habits of its servers."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.case import Case

DRIVE = Case(name="drive, password", source="demo", signed=True, password=True)
SHARE = Case(name="share", share=True)
LOCKED = replace(
    SHARE, name="share with a code", code="s3cr3t", emulator=("--share-password", "s3cr3t")
)
TOKEN = Case(name="drive, refresh token", source="demo-refresh", signed=True)
CASES = (
    DRIVE,
    SHARE,
    TOKEN,
    LOCKED,
    replace(SHARE, name="share, signed", signed=True, overrides={"auth": "ref:demo"}),
    replace(SHARE, name="share, paged by number", emulator=("--defect", "offset-paging")),
    replace(SHARE, name="share, files lost at borders", emulator=("--defect", "page-border-loss")),
    replace(
        DRIVE,
        name="drive, small pages at most",
        emulator=("--defect", "page-border-loss", "--max-page-size", "7"),
    ),
    replace(SHARE, name="share, foreign fields", emulator=("--defect", "foreign-fields")),
    replace(
        SHARE,
        name="share of one file",
        emulator=("--share-file", "plain.txt"),
        source="share_file",
        only="plain.txt",
    ),
)
