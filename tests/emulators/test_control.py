"""The control door and the command line, as another process sees them."""

from __future__ import annotations

import email.utils
import json
import os
import signal
import stat
import subprocess
import sys
import time
import tomllib
import urllib.error
from pathlib import Path

import httpx
import pytest

from tests.emulators import run_emulator

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A small tree to serve."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "a.txt").write_text("first\n")
    (folder / "目录").mkdir()
    return folder


@pytest.fixture(scope="module")
def emulator(root):
    """One emulator in its own process for the whole module."""
    with run_emulator(root, "--share-password", "abcd") as running:
        yield running


@pytest.fixture
def client(emulator):
    """An HTTP client at the emulator's address; afterwards the emulator is as it was."""
    with httpx.Client(base_url=emulator.address, trust_env=False) as client:
        yield client
    emulator.heal()
    emulator.ask("POST", "/clock", {"offset_s": 0})
    emulator.ask("POST", "/share", {"state": "fine", "password": "abcd"})
    emulator.ask("POST", "/reset")


def test_line_tells_how_to_mount(emulator, root):
    """The line of JSON has an address, a share link with its code, and the tree that is served."""
    line = emulator.line
    assert line["source"].startswith(f"{line['address']}/s/")
    assert line["source"].endswith("/abcd")
    assert line["root"] == str(root)
    assert line["options"] == ""
    assert {"share_file", "expired", "cancelled", "email", "password", "control"} <= line.keys()


def test_configuration_is_private_and_has_two_remotes(emulator):
    """Nobody else can read the file or list its folder; one remote has a password, one a token."""
    config = Path(emulator.config)
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    remotes = tomllib.loads(config.read_text(encoding="utf-8"))["remotes"]
    assert remotes["demo"]["driver"] == "cloudreve"
    assert remotes["demo"]["address"] == emulator.address
    assert remotes["demo"]["email"] == emulator.line["email"]
    assert remotes["demo"]["password"] == emulator.line["password"]
    assert remotes["demo-refresh"]["refresh_token"].count(".") == 2


def test_requests_are_counted_by_kind(emulator, client):
    """Two pings and a config call are just that, until the counts are reset."""
    for path in ("ping", "ping", "config/basic"):
        client.get(f"/api/v4/site/{path}")
    assert emulator.stats()["requests"] == {"ping": 2, "config": 1}
    emulator.ask("POST", "/reset")
    assert emulator.stats()["requests"] == {}


def test_faults_are_added_listed_and_cleared(emulator, client):
    """A fault added through the door hits, tells how often, and goes."""
    emulator.fault("status", kind="ping", status=429, retry_after="3", count=1)
    answer = client.get("/api/v4/site/ping")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert client.get("/api/v4/site/ping").json()["data"] == "4.0.0"
    (listed,) = emulator.ask("GET", "/faults")["faults"]
    assert (listed["action"], listed["seen"]) == ("status", 2)
    emulator.heal()
    assert emulator.ask("GET", "/faults")["faults"] == []


def test_several_faults_at_once(emulator, client):
    """A list of faults is one script."""
    emulator.ask(
        "POST", "/faults", {"faults": [{"action": "drop", "count": 1}, {"action": "html"}]}
    )
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/api/v4/site/ping")
    assert client.get("/api/v4/site/ping").headers["content-type"] == "text/html"


def test_reset_reaches_the_client(emulator, client):
    """A connection reset is seen as one."""
    emulator.fault("reset", kind="ping")
    with pytest.raises(httpx.ReadError):
        client.get("/api/v4/site/ping")


def test_stall_is_silence(emulator, client):
    """A stalled answer ends with the client's own patience."""
    emulator.fault("stall", kind="ping")
    with pytest.raises(httpx.ReadTimeout):
        client.get("/api/v4/site/ping", timeout=0.2)


def test_clock_makes_tokens_expire(emulator, client):
    """After an hour's jump an access token speaks for nobody."""
    line = emulator.line
    body = {"email": line["email"], "password": line["password"]}
    token = client.post("/api/v4/session/token", json=body).json()["data"]["token"]
    headers = {"authorization": f"Bearer {token['access_token']}"}
    assert client.get("/api/v4/user/me", headers=headers).json()["code"] == 0
    assert emulator.ask("POST", "/clock", {"jump_s": 3601})["offset_s"] == pytest.approx(3601)
    assert client.get("/api/v4/user/me", headers=headers).json()["code"] == 401


def test_answers_tell_the_time_of_the_moved_clock(emulator, client):
    """Lives of tokens and links are counted from it, as with a server whose clock is wrong."""
    emulator.ask("POST", "/clock", {"offset_s": -86400})
    told = email.utils.parsedate_to_datetime(client.get("/api/v4/site/ping").headers["date"])
    assert told.timestamp() == pytest.approx(time.time() - 86400, abs=30)
    emulator.ask("POST", "/clock", {"offset_s": 0})


@pytest.mark.parametrize("what", ["access", "refresh"])
def test_tokens_are_made_to_expire(emulator, client, what):
    """`expire` ends what was given out so far, not what comes next."""
    line = emulator.line
    body = {"email": line["email"], "password": line["password"]}

    def works() -> bool:
        if what == "access":
            headers = {"authorization": f"Bearer {token['access_token']}"}
            return client.get("/api/v4/user/me", headers=headers).json()["code"] == 0
        refresh = {"refresh_token": token["refresh_token"]}
        return client.post("/api/v4/session/token/refresh", json=refresh).json()["code"] == 0

    token = client.post("/api/v4/session/token", json=body).json()["data"]["token"]
    assert works()
    emulator.ask("POST", "/expire", {"what": what})
    assert not works()
    token = client.post("/api/v4/session/token", json=body).json()["data"]["token"]
    assert works()


def test_links_are_made_to_expire(emulator, client):
    """An expired link is HTTP 200 and 40005; the next call for one gives a link that works."""
    share = emulator.source.split("/")[-2]
    body = {"uris": [f"cloudreve://{share}:abcd@share/a.txt"], "download": True}
    old = client.post("/api/v4/file/url", json=body).json()["data"]["urls"][0]["url"]
    assert client.get(old).text == "first\n"
    emulator.ask("POST", "/expire", {"what": "links"})
    assert client.get(old).json()["code"] == 40005
    new = client.post("/api/v4/file/url", json=body).json()["data"]["urls"][0]["url"]
    assert client.get(new).text == "first\n"


def test_share_changes_while_it_is_used(emulator, client):
    """Password, expiry and cancelling are a wish each, and can be taken back."""
    share = emulator.source.split("/")[-2]

    def listed(password: str) -> int:
        uri = {"uri": f"cloudreve://{share}:{password}@share"}
        return client.get("/api/v4/file", params=uri).json()["code"]

    assert listed("abcd") == 0
    link = emulator.ask("POST", "/share", {"password": "new1"})["link"]
    assert link.endswith(f"/s/{share}/new1")
    assert (listed("abcd"), listed("new1")) == (40069, 0)
    emulator.ask("POST", "/share", {"state": "expired"})
    assert listed("new1") == 404
    info = client.get(f"/api/v4/share/info/{share}").json()
    assert info["msg"] == "Share link expired"
    emulator.ask("POST", "/share", {"state": "cancelled"})
    info = client.get(f"/api/v4/share/info/{share}").json()
    assert info["msg"] == "Share not found"
    emulator.ask("POST", "/share", {"state": "fine"})
    assert listed("new1") == 0


def test_expired_and_cancelled_links_are_there_from_the_start(emulator, client):
    """The line names a link for each way to be gone."""
    for name, text in (("expired", "Share link expired"), ("cancelled", "Share not found")):
        share = emulator.line[name].rsplit("/", 1)[1]
        assert client.get(f"/api/v4/share/info/{share}").json()["msg"] == text


def test_switches_and_settings(emulator, client):
    """Defects go on and off; settings change at once."""
    assert "captcha" in emulator.ask("POST", "/switch", {"name": "captcha"})["on"]
    assert client.get("/api/v4/site/config/login").json()["data"]["login_captcha"] is True
    picture = client.get("/api/v4/site/captcha").json()["data"]
    answer = emulator.ask("POST", "/captcha", {"ticket": picture["ticket"]})["answer"]
    body = {"email": emulator.line["email"], "password": emulator.line["password"]}
    body |= {"ticket": picture["ticket"], "captcha": answer}
    assert client.post("/api/v4/session/token", json=body).json()["code"] == 0
    assert client.post("/api/v4/session/token", json=body).json()["code"] == 40026  # used up
    assert "captcha" not in emulator.ask("POST", "/switch", {"captcha": False})["on"]
    assert emulator.ask("POST", "/settings", {"max_page_size": 7})["max_page_size"] == 7
    emulator.ask("POST", "/settings", {"max_page_size": 2000})


def test_blocked_owner_is_told_so(emulator, client):
    """The account's status is a wish, too."""
    body = {"email": emulator.line["email"], "password": emulator.line["password"]}
    emulator.ask("POST", "/user", {"status": "manual_banned"})
    assert client.post("/api/v4/session/token", json=body).json()["code"] == 40017
    emulator.ask("POST", "/user", {"status": "active"})
    assert client.post("/api/v4/session/token", json=body).json()["code"] == 0


@pytest.mark.parametrize(
    ("method", "path", "wish", "status"),
    [
        ("POST", "/switch", {"name": "no-such-defect"}, 400),
        ("POST", "/settings", {"colour": "red"}, 400),
        ("POST", "/share", {"state": "melted"}, 400),
        ("POST", "/share", {"link": "http://x/s/zzzz"}, 400),
        ("POST", "/expire", {"what": "patience"}, 400),
        ("POST", "/faults", {"action": "explode"}, 400),
        ("POST", "/nothing", {}, 400),
        ("DELETE", "/nothing", None, 404),
    ],
)
def test_wish_that_makes_no_sense_is_an_error(emulator, method, path, wish, status):
    """A typing error in a test is told, not ignored."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        emulator.ask(method, path, wish)
    with caught.value as answer:
        assert answer.code == status
        assert json.load(answer)["error"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_without_a_traceback(root, number):
    """SIGTERM and SIGINT end it with code 0, nothing on stderr, and no file left behind."""
    command = [sys.executable, "-m", "tests.emulators", "cloudreve", "--root", str(root)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=-1, stderr=-1, text=True)
    with process:
        line = json.loads(process.stdout.readline())
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""
    assert not os.path.exists(line["config"])


def test_end_of_stdin_ends_it(root):
    """An emulator whose parent is gone does not stay."""
    with run_emulator(root) as running:
        process = running.process
    assert process.returncode == 0


def test_root_that_is_no_directory_is_refused(tmp_path):
    """The command line says what is wrong and exits with 2."""
    command = [sys.executable, "-m", "tests.emulators", "cloudreve", "--root", str(tmp_path / "no")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is not a directory" in done.stderr
