"""Who is signed in to the emulated 115, and how it defends itself (wire 115 §2, §3, §13)."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import httpx
import pytest
import trio

from tests.emulators import open_emulator, run_emulator
from tests.emulators.p115_asker import AGENT, Asker, body

TOKEN = "qrcodeapi.115.com/api/1.0/web/1.0/token"
STATUS = "qrcodeapi.115.com/get/status/"


@pytest.fixture
def asker(tmp_path):
    """Signed in, over one file."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served/a.txt").write_text("a")
    return Asker(tmp_path / "served")


def shown(asker):
    """What a QR code is polled with."""
    data = asker.get(TOKEN)["data"]
    assert data["qrcode"] == f"https://115.com/scan/dg-{data['uid']}"
    return {name: data[name] for name in ("uid", "time", "sign")}


def redeemed(asker, uid, app, host="passportapi.115.com"):
    """What a confirmed code is answered with."""
    return asker.post(f"{host}/app/1.0/{app}/1.0/login/qrcode", account=uid, app=app)


def test_a_code_goes_through_its_states(asker):
    """Waiting, scanned, confirmed, by itself; then cookies for the device that was chosen."""
    code = shown(asker)
    states = [asker.get(STATUS, **code)["data"]["status"] for _ in range(4)]
    assert states == [0, 1, 2, 2]
    answer = redeemed(asker, code["uid"], "tv")
    assert (answer["state"], type(answer["data"]["user_id"])) == (1, int)
    cookie = answer["data"]["cookie"]
    assert cookie["UID"].split("_")[:2] == ["100000001", "I1"]
    assert [len(cookie[name]) for name in ("CID", "SEID", "KID")] == [32, 120, 32]
    asker.cookie = "; ".join(f"{name}={value}" for name, value in cookie.items())
    assert asker.files()["state"] is True


@pytest.mark.parametrize(
    ("state", "number"),
    [("waiting", 0), ("scanned", 1), ("confirmed", 2), ("expired", -1), ("cancelled", -2)],
)
def test_a_code_can_be_decided(asker, state, number):
    """What the control door says stays, whatever is polled; only a confirmed one is redeemed."""
    code = shown(asker)
    asker.site.control("qr", {"state": state})
    polls = [asker.get(STATUS, **code)["data"]["status"] for _ in range(3)]
    assert polls == [number] * 3
    done = redeemed(asker, code["uid"], "web", host="qrcodeapi.115.com")
    assert done["state"] == int(state == "confirmed")


def test_a_code_ends_by_itself(asker):
    """As a state or, when switched, as a code."""
    code = shown(asker)
    asker.site.clock.jump(301)
    assert asker.get(STATUS, **code)["data"]["status"] == -1
    asker.site.settings.switch("expired-as-code", on=True)
    answer = asker.get(STATUS, **code)
    assert (answer["state"], answer["code"]) == (0, 40199002)
    assert redeemed(asker, code["uid"], "web")["code"] == 40199002


def test_a_poll_that_nothing_happened_to_may_be_empty(asker):
    """`data` is {} then; the first poll always tells."""
    asker.site.settings.switch("poll-empty", on=True)
    code = shown(asker)
    asker.site.control("qr", {"state": "waiting"})
    answers = [asker.get(STATUS, **code)["data"] for _ in range(2)]
    assert (answers[0]["status"], answers[1]) == (0, {})


def test_a_poll_that_has_nothing_to_tell_is_held(asker):
    """The first one tells at once, as does one that brings news."""
    code = shown(asker)
    asker.site.control("qr", {"state": "waiting"})
    target = f"{STATUS}?{urlencode(code)}"
    assert [asker.send("GET", target).delay_s for _ in range(2)] == [0.0, 0.5]
    asker.site.control("qr", {"state": "scanned"})
    asker.site.control("settings", {"poll_hold_s": 30})
    assert [asker.send("GET", target).delay_s for _ in range(2)] == [0.0, 30.0]


def test_a_foreign_poll_is_refused(asker):
    """The sign and the time belong to the code; so does a device that exists."""
    code = shown(asker)
    assert asker.get(STATUS, **{**code, "sign": "0"})["code"] == 40199002
    asker.site.control("qr", {"state": "confirmed"})
    assert redeemed(asker, code["uid"], "toaster")["code"] == 40100000


def test_a_new_login_ends_the_one_of_its_slot(asker):
    """Another slot's lives on (§3.1)."""
    first = asker.site.sessions.login("tv").header
    second = asker.site.sessions.login("tv").header
    asker.cookie = first
    assert asker.files()["errNo"] == 990001
    for cookie in (second, asker.site.sessions.first.header):
        asker.cookie = cookie
        assert asker.files()["state"] is True


def test_the_status_calls_tell_whether_cookies_are_good(asker):
    """`state` is true or false, 0 or 0: only `user_id` tells there (§3.2)."""
    guide = "my.115.com/?ct=guide&ac=status&_=1"
    check = "passportapi.115.com/app/1.0/web/1.0/check/sso?_=1"
    nav = "my.115.com/?ct=ajax&ac=nav"
    assert asker.get(guide) == {"state": True}
    good = asker.get(check)
    assert (good["state"], good["data"]["user_id"], good["code"]) == (0, 100000001, 0)
    assert asker.get(nav)["data"]["user_id"] == 100000001
    assert asker.get("webapi.115.com/user/info?ct=json")["data"].startswith("138")
    asker.cookie = asker.cookie.replace("KID=", "KID=0")
    assert asker.get(guide) == {"state": False}
    dead = asker.get(check)
    assert (dead["state"], dead["data"]["user_id"], dead["code"]) == (0, 0, 40101032)
    assert asker.get(nav) == {"state": False, "data": {}}


def test_cookies_that_end_with_a_semicolon_are_blocked(asker):
    """By the firewall's page, until the switch is off (§2)."""
    asker.cookie += ";"
    assert asker.send("GET", "webapi.115.com/files?cid=0").status == 405
    asker.site.settings.switch("semicolon-blocks", on=False)
    assert asker.files()["state"] is True


def test_an_empty_agent_can_be_blocked(asker):
    """Some hosts do (§2)."""
    assert asker.send("GET", "webapi.115.com/files?cid=0", user_agent=None).status == 200
    asker.site.settings.switch("agent-wanted", on=True)
    assert asker.send("GET", "webapi.115.com/files?cid=0", user_agent=None).status == 405


def test_the_firewall_blocks_with_a_page(asker):
    """HTML, HTTP 405; content is still served, and it ends by the clock (§13)."""
    _, _, inner = asker.chrome(asker.pickcode("a.txt"))
    (item,) = inner.values()
    asker.site.settings.switch("links-unbound", on=True)
    (free,) = asker.chrome(asker.pickcode("a.txt"))[2].values()
    asker.site.control("block", {"form": "waf", "seconds": 60})
    response = asker.send("GET", "webapi.115.com/files?cid=0")
    assert (response.status, response.headers["content-type"]) == (405, "text/html; charset=utf-8")
    assert b"errors.aliyun.com" in body(response)
    assert item["url"]["url"].startswith("http")
    assert asker.follow(free["url"]["url"]).status == 200
    asker.site.clock.jump(61)
    assert asker.files()["state"] is True


@pytest.mark.parametrize(
    ("form", "field", "value"),
    [("captcha", "errno", 911), ("too-frequent", "errno", 590075), ("margin", "margin", 30)],
)
def test_other_blocks_are_answers(asker, form, field, value):
    """911, 590075, and a lone `margin` that counts down."""
    asker.site.control("block", {"form": form, "seconds": 30})
    answer = asker.files()
    assert answer[field] == value
    assert ("state" in answer) is (form != "margin")
    asker.site.control("heal", {})
    assert asker.files()["state"] is True


def test_families_and_hosts_are_blocked_apart(asker):
    """Shares that are blocked leave the own drive alone; one host leaves the others alone."""
    asker.site.control("block", {"form": "margin", "family": "share"})
    assert "margin" in asker.snap()
    assert asker.files()["state"] is True
    asker.site.control("block", {"form": "waf", "family": "own", "host": "webapi.115.com"})
    assert asker.send("GET", "webapi.115.com/files").status == 405
    assert asker.get("aps.115.com/natsort/files.php", cid=0)["state"] is True
    asker.site.control("heal", {})
    asker.site.control("block", {"form": "waf", "path": "/files"})
    assert asker.send("GET", "proapi.115.com/android/files").status == 405
    assert asker.get("webapi.115.com/files/index_info")["state"] is True
    asker.site.control("block", {"form": "status", "family": "login"})
    assert asker.send("GET", TOKEN).status == 429


def test_asking_too_often_ends_in_a_block(asker):
    """Three in a second are fine, the fourth blocks for a minute; other families go on."""
    wish = {"family": "own", "calls": 3, "seconds": 1, "form": "waf", "block_s": 60}
    asker.site.control("limit", wish)
    statuses = [asker.send("GET", "webapi.115.com/files").status for _ in range(5)]
    assert statuses == [200, 200, 200, 405, 405]
    assert asker.snap()["state"] is True
    asker.site.clock.jump(30)
    assert asker.send("GET", "webapi.115.com/files").status == 405
    asker.site.clock.jump(31)
    for _ in range(9):
        assert asker.send("GET", "webapi.115.com/files").status == 200
        asker.site.clock.jump(0.4)
    asker.site.control("limit", {**wish, "calls": 0})
    assert {asker.send("GET", "webapi.115.com/files").status for _ in range(9)} == {200}


@pytest.mark.parametrize(
    ("verb", "wish"),
    [
        ("dance", {}),
        ("expire", {"what": "patience"}),
        ("switch", {"name": "gravity"}),
        ("settings", {"address": "http://x"}),
        ("share", {"state": "sad"}),
        ("share", {"link": "https://115cdn.com/s/swnone"}),
        ("block", {"form": "wall"}),
        ("block", {"form": "waf", "family": "mine"}),
        ("limit", {"family": "own", "calls": 1, "seconds": 1, "form": "wall", "block_s": 1}),
        ("qr", {"state": "confirmed"}),
        ("find", {"path": "/none"}),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(asker, verb, wish):
    """With a ValueError, which the control door makes HTTP 400."""
    with pytest.raises(ValueError, match=r".+"):
        asker.site.control(verb, wish)


@pytest.mark.parametrize("provider", ["p115", "p115_share", "p115_open"])
def test_the_line_tells_how_to_mount(tmp_path, provider):
    """A link with its options for a share, a remote for a drive."""
    with run_emulator(tmp_path, "--share-password", "x1y2", provider=provider) as emulator:
        line, hosts = emulator.line, f"{emulator.address}/{{host}}"
        if provider == "p115_share":
            assert line["source"].startswith("https://115cdn.com/s/sw")
            assert line["source"].endswith("?password=x1y2")
            assert f"hosts={hosts}" in line["options"]
        else:
            assert (line["source"], line["options"]) == ("demo", "")
        assert hosts in (tmp_path.parent / line["config"]).read_text()
        assert emulator.stats()["requests"] == {}


async def test_connections_of_a_link_are_counted_on_the_wire(tmp_path):
    """While two are being sent the third is 403; when they ended there is room."""
    (tmp_path / "film.mkv").write_bytes(bytes(4_000_000))
    async with open_emulator(tmp_path, "--speed-limit", "1000000", provider="p115") as emulator:
        emulator.state.settings.switch("links-f1", on=True)
        node = emulator.state.tree.find("film.mkv")
        url = emulator.state.links.make(node, AGENT, 1).url
        headers = {"user-agent": AGENT}
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            async with client.stream("GET", url) as first, client.stream("GET", url) as second:
                assert (first.status_code, second.status_code) == (200, 200)
                assert (await client.get(url)).status_code == 403
            # The server notices that nobody reads when it next sends.
            with trio.fail_after(30):
                while (await client.head(url)).status_code == 403:
                    pass
                ranged = await client.get(url, headers={"range": "bytes=0-9"})
        assert ranged.status_code == 206


def test_counts_and_faults_know_the_kinds(asker):
    """A scripted error has its code wherever some answer has it."""
    refused = json.loads(asker.site.refuse(590075, "slow down").segments[0])
    assert {refused[name] for name in ("errno", "errNo", "code", "errcode")} == {590075}
    assert refused["state"] is False
