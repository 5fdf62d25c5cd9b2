"""A secret that gets out is found, whoever let it out; nothing else is taken for one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from tests.emulators import secrets
from tests.emulators.doors import open_emulator
from tests.emulators.messages import Request, Response, json_response
from tests.sweep import Finder, Sweep

LONG = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcDEF-_123"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        (f"Bearer {LONG}", {LONG}),
        (f'{{"token":"{LONG}"}}', {LONG}),
        (LONG[:-1], set()),
        (LONG[1:], set()),
        (f"sign={LONG}x", {LONG}),
        ("curl 'https://host/f?sign=abc%2Bdef%3D%3A12345'", {"abc+def=:12345"}),
        ("sign=abc+def=:12345", {"abc+def=:12345"}),
        ("the code is pw12.", {"pw12"}),
        ("/s/AbC1/pw12", {"pw12"}),
        ("pw123 xpw12 pw_12", set()),
        ("another one of 1234", set()),
    ],
)
def test_whole_secrets_are_found(text, found):
    """Long ones anywhere, also percent-encoded; a code only where it is a word by itself."""
    finder = Finder()
    for secret in (LONG, "abc+def=:12345", "pw12", "another", "1234"):
        finder.add(secret)
    assert finder.find(text) == found


@pytest.mark.parametrize(
    ("request_", "response", "expected"),
    [
        (Request(method="GET", path="/", headers={"authorization": f"Bearer {LONG}"}), {}, {LONG}),
        (
            Request(method="GET", path="/", headers={"cookie": "UID=1; CID=0123456789abcdef"}),
            {},
            {"0123456789abcdef"},
        ),
        (Request(method="GET", path="/", query={"sign": LONG, "page": "1" * 20}), {}, {LONG}),
        (Request(method="GET", path="/", query={"receive_code": "a1b2"}), {}, {"a1b2"}),
        (
            Request(method="POST", path="/", body=b'{"password":"\xff and so on, no text"}'),
            {},
            set(),
        ),
        (
            Request(method="GET", path="/"),
            {"data": {"refresh_token": LONG, "name": "0123456789abcdef"}},
            {LONG},
        ),
        (
            Request(method="GET", path="/"),
            {"urls": [{"url": "https://host/f?sign=abc%2Bdef%3D%3A12345&x=0123456789abcdef"}]},
            {"abc+def=:12345"},
        ),
    ],
)
def test_secrets_are_taken_from_both_sides_of_an_exchange(request_, response, expected):
    """By where they stand, whichever provider it is."""
    assert set(secrets.of_exchange(request_, json_response(response))) == expected


def test_cookies_that_are_set_are_secrets():
    """Their value, not their attributes."""
    answer = Response(cookies=("acw_tc=0123456789abcdef; path=/; Max-Age=12345678901234",))
    found = set(secrets.of_exchange(Request(method="GET", path="/"), answer))
    assert found == {"0123456789abcdef"}


def test_a_complaint_names_the_place_and_not_the_secret(tmp_path):
    """What was noted after it was written counts as well; what was searched is not kept."""
    file = tmp_path / "secrets"
    sweep = Sweep(file)
    sweep.hear("the log", f"token={LONG}")
    file.write_text(json.dumps(LONG) + "\n" + '"half a li')
    (complaint,) = sweep.complaints()
    assert complaint.startswith("the log holds a secret: ey")
    assert LONG not in complaint
    assert sweep.complaints() == []


@pytest.mark.parametrize(
    "provider",
    [
        "cloudreve",
        "aliyundrive",
        "aliyundrive_open",
        "p115",
        "p115_share",
        "p115_open",
    ],
)
async def test_an_emulator_notes_what_it_tells_in_its_configuration(
    tmp_path, monkeypatch, provider
):
    """A password, a cookie or a token, before anyone has asked."""
    noted = tmp_path / "secrets"
    monkeypatch.setenv(secrets.FILE, str(noted))
    monkeypatch.setattr(secrets, "_noted", set())
    async with open_emulator(tmp_path, provider=provider):
        pass
    assert [json.loads(line) for line in noted.read_text().splitlines()]


PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
LEAKS = {
    "log": 'logging.getLogger("fsmount").warning("token=%s", SECRET)',
    "output": "print(SECRET)",
    "program": 'sweep.heard("a program", SECRET)',
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize(("marked", "verdict"), [("", 1), ("@pytest.mark.shows_secret", 0)])
def test_a_test_that_lets_a_secret_out_fails(tmp_path, leak, marked, verdict):
    """In a suite of its own, hooked up as this one is; unless it is there to show one."""
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_it.py").write_text(
        textwrap.dedent(f"""
        import logging
        import pytest
        from tests import sweep
        from tests.emulators import secrets

        SECRET = "0123456789abcdef"
        pytestmark = pytest.mark.logs(*["token="] * ("{leak}" == "log"))

        {marked}
        def test_it():
            secrets.note([SECRET])
            {LEAKS[leak]}
        """)
    )
    project = os.path.dirname(os.path.dirname(__file__))
    done = subprocess.run(
        [*PYTEST, "-c", f"{project}/pyproject.toml", "--rootdir", str(tmp_path), "test_it.py"],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != secrets.FILE} | {"PYTHONPATH": project},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == verdict, done.stdout + done.stderr
    assert ("holds a secret: 01…ef (16 characters)" in done.stdout) == bool(verdict)
