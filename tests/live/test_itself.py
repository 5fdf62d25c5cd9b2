"""The suite for real servers works: on an emulated one it passes, fails and skips as it should."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conformance.tree import FILES, make_tree
from tests.emulators import run_emulator
from tests.live.site import VARIABLE

PROJECT = Path(__file__).parents[2]
HABITS = (
    *("expired-json", "anonymous-expiry", "page-border-loss", "updated-at-repeat"),
    *("shared-default-view", "foreign-fields", "folder-summary-500", "moving-mtime"),
)
"""What a server of 2025-06 does, all at once."""

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(400)]


@contextmanager
def sites(tmp_path):
    """Run two sites, since one has one share; yields what the JSON file says of them."""
    root = make_tree(tmp_path / "tree", holds=lambda path: not path.startswith(("many/", "each/")))
    with ExitStack() as stack:
        flags = [word for habit in HABITS for word in ("--defect", habit)]
        site = stack.enter_context(
            run_emulator(root, "--share-file", "plain.txt", "--share-downloads", "2", *flags)
        )
        locked = stack.enter_context(run_emulator(root, "--share-password", "s3cr3t"))
        keys = ["address", "email", "password", "share_file", "expired", "cancelled"]
        yield {
            **{key: site.line[key] for key in keys},
            "share": site.source,
            "share_password": locked.source,
            "root": str(root),
            "sums": {
                path: hashlib.sha256(content).hexdigest()
                for path, content in FILES.items()
                if (root / path).exists()
            },
        }


def ran(tmp_path, description, *words):
    """Run the suite on a site; return its report and how many passed, failed and were skipped."""
    file = tmp_path / "site.json"
    file.write_text(json.dumps(description), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/live/test_cloudreve.py", "-rfs", *words],
        cwd=PROJECT,
        env={**os.environ, VARIABLE: str(file)},
        capture_output=True,
        text=True,
        timeout=380,
    )
    last = done.stdout.splitlines()[-1]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", last)}
    return done.stdout, {word: counts.get(word, 0) for word in ("passed", "failed", "skipped")}


@pytest.fixture
def tree(tmp_path):
    """Where both sites' files are made."""
    (tmp_path / "tree").mkdir()


def test_it_passes_on_a_site_with_every_habit_of_a_real_one(tmp_path, tree):
    """And nothing of it is skipped."""
    with sites(tmp_path) as description:
        report, counts = ran(tmp_path, description)
    assert (counts["failed"], counts["skipped"]) == (0, 0), report
    assert counts["passed"] >= 30


def test_it_fails_where_a_site_is_not_as_told(tmp_path, tree):
    """A wrong sum, a share that is not over, a code that is none: a check that can fail."""
    with sites(tmp_path) as description:
        description["sums"]["plain.txt"] = "0" * 64
        description["expired"] = description["share"]
        description["root"] = ""
        report, counts = ran(tmp_path, description, "-k", "sums or over or one_line and expired")
    failed = set(re.findall(r"^FAILED .*::(test_\w+)", report, re.MULTILINE))
    assert {
        "test_all_sums_are_right",
        "test_the_sums_of_the_drive_are_right",
        "test_the_sums_of_a_mounted_share_are_right",
        "test_a_share_that_is_over_says_so",
        "test_the_program_says_it_in_one_line",
    } <= failed, report
    assert counts["failed"] == 5, report


def test_what_is_not_told_is_skipped_aloud(tmp_path):
    """Each test says which key it would need."""
    report, counts = ran(tmp_path, {"address": "https://cloud.invalid"})
    assert counts["passed"] == counts["failed"] == 0, report
    for key in ("share", "share_password", "share_file", "expired", "cancelled", "email"):
        assert re.search(rf"SKIPPED .*names no {key}\b", report), report


def test_a_sign_in_that_takes_a_person_is_skipped_aloud(tmp_path, tree):
    """A captcha or a second factor is nobody's failure; what needs no account goes on."""
    (tmp_path / "tree" / "a.txt").write_bytes(b"a")
    with run_emulator(tmp_path / "tree", "--defect", "captcha", "--tls") as site:
        keys = ("address", "email", "password", "options")
        told = {"share": site.source, **{key: site.line[key] for key in keys}}
        report, counts = ran(tmp_path, told, "-k", "sign_in or drive or (by_itself and listed)")
    assert "SKIPPED [4]" in report, report
    assert "the site asks what this suite cannot answer" in report, report
    assert (counts["passed"], counts["failed"]) == (1, 0), report


def test_without_a_site_everything_is_skipped_aloud(monkeypatch):
    """One reason for all: nobody was asked."""
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/live/test_cloudreve.py", "-rs"],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0
    assert f"{VARIABLE} is not set: no real server was asked" in done.stdout
    assert "passed" not in done.stdout.splitlines()[-1]
