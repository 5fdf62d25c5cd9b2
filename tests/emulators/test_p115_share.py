"""Shares of the emulated 115 (wire 115 §6)."""

from __future__ import annotations

import pytest

from tests.emulators.p115_asker import Asker, body

DOWNURL = "webapi.115.com/share/downurl"
SKIP = "webapi.115.com/share/skip_login_downurl"
SEALED = "proapi.115.com/app/share/downurl"


@pytest.fixture
def root(tmp_path):
    """A folder with two files below, and one file beside it."""
    folder = tmp_path / "served"
    (folder / "季").mkdir(parents=True)
    for number in range(5):
        (folder / f"季/{number}.mkv").write_bytes(b"v" * number)
    (folder / "读我.txt").write_text("read\n")
    return folder


@pytest.fixture
def asker(root):
    """Without a login, as whoever has the link."""
    asker = Asker(root)
    asker.cookie = None
    return asker


def entries(answer):
    """A snapshot's entries by name."""
    return {entry["n"]: entry for entry in answer["data"]["list"]}


def wish(asker, path="读我.txt", **more):
    """What a link call is asked with."""
    share = asker.site.main_share
    number = share.id_of(asker.site.tree.find(path, asker.site.published))
    code = {"share_code": share.code, "receive_code": share.receive_code}
    return {**code, "file_id": str(number), **more}


def test_a_share_lists_what_is_in_it(asker):
    """A folder without `fid` and with its own id in `cid`; a file whose `cid` is a number."""
    answer = asker.snap()
    assert (answer["state"], answer["data"]["count"]) == (True, 2)
    top = entries(answer)
    folder, file = top["季"], top["读我.txt"]
    assert "fid" not in folder
    assert (folder["fc"], file["fc"], file["cid"], folder["pid"]) == (0, 1, 0, "0")
    assert (type(file["fid"]), file["s"], file["t"].isdecimal()) == (str, 5, True)
    assert not {"pc", "te", "tp"} & file.keys()
    inner = entries(asker.snap(folder["cid"]))
    assert set(inner) == {f"{number}.mkv" for number in range(5)}
    assert {entry["cid"] for entry in inner.values()} == {int(folder["cid"])}


def test_ids_are_the_shares_own(asker):
    """They are not those of any drive, and not those of another share."""
    share, other = asker.site.main_share, asker.site.own_share
    node = asker.site.tree.find("读我.txt", asker.site.published)
    assert len({node.id, share.id_of(node), other.id_of(node)}) == 3
    again = Asker(asker.site.root)
    page = again.snap(entries(asker.snap())["季"]["cid"])
    assert page["data"]["count"] == 5


def test_pages_of_a_share(asker):
    """Every entry once; a page may be shorter than what was asked for (§6.2)."""
    asker.site.settings.switch("share-list-short", on=True)
    cid, names, offset = entries(asker.snap())["季"]["cid"], [], 0
    while True:
        page = asker.snap(cid, limit=3, offset=offset, o="file_size", asc=0)["data"]
        names += [entry["n"] for entry in page["list"]]
        offset += len(page["list"])
        if not page["list"]:
            break
        assert len(page["list"]) < 3
    assert names == [f"{number}.mkv" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(("mode", "state"), [("usual", 1), ("text", "1"), ("number", 1)])
def test_the_state_is_a_text_or_a_number(root, mode, state):
    """Both spellings of the field that broke its readers (§0.1)."""
    data = Asker(root, "--spelling", mode).snap()["data"]
    assert data["share_state"] == data["shareinfo"]["share_state"] == state
    assert type(data["share_state"]) is type(state)


@pytest.mark.parametrize(
    ("state", "number"),
    [("checking", 0), ("blocked", 2), ("cancelled", 4), ("expired", 7), ("review", 8)],
)
def test_a_share_in_another_state_is_an_empty_success(asker, state, number):
    """`share_state` and a reason tell; nothing else does (§6.2)."""
    asker.site.control("share", {"state": state})
    answer = asker.snap()
    data = answer["data"]
    assert (answer["state"], answer["errno"], data["list"], data["count"]) == (True, 0, [], 0)
    assert (data["share_state"], bool(data["shareinfo"]["forbid_reason"])) == (number, True)
    asker.site.control("share", {"state": "fine"})
    assert asker.snap()["data"]["count"] == 2


@pytest.mark.parametrize(
    ("state", "errno"),
    [
        ("expired-code", 4100018),
        ("cancelled-code", 4100010),
        ("closed", 4100000),
        ("missing", 4100026),
        ("removed", 4100033),
        ("snapshot", 4100021),
    ],
)
def test_a_share_may_be_refused_with_a_code(asker, state, errno):
    """The other way to say it (§2.2)."""
    asker.site.control("share", {"state": state})
    answer = asker.snap()
    assert (answer["state"], answer["errno"]) == (False, errno)


def test_receive_codes(asker):
    """Missing, wrong, of no share at all, and not needed where there is none."""
    share = asker.site.main_share
    assert asker.snap(receive_code="")["errno"] == 4100012
    assert asker.snap(receive_code="zzzz")["errno"] == 4100008
    assert asker.snap(share_code="sw0none")["errno"] == 990002
    asker.site.control("share", {"receive_code": ""})
    assert share.link == f"https://115cdn.com/s/{share.code}"
    assert asker.snap(receive_code="")["data"]["shareinfo"]["has_receive_code"] == 0


def test_ones_own_share_needs_no_code(asker):
    """For whoever is signed in as its maker (§6.2)."""
    assert asker.snap(share=asker.site.own_share, receive_code="")["state"] is True


def test_a_folder_that_the_share_does_not_have(asker):
    """It is refused, or empty: the page knows neither (§6.2)."""
    assert asker.snap(3999999999999999999)["errno"] == 20018
    asker.site.settings.switch("share-missing-empty", on=True)
    assert asker.snap(3999999999999999999)["data"]["list"] == []


def test_one_file_is_shared(asker):
    """The link of one file lists just that one."""
    share = asker.site.file_share
    data = asker.snap(share=share)["data"]
    assert [entry["n"] for entry in data["list"]] == ["读我.txt"]
    assert data["shareinfo"]["file_category"] == 1


def test_115cdn_wants_its_referer(asker):
    """HTTP 401 without, for the listing as for the link (§2)."""
    share = asker.site.main_share
    place = (
        f"115cdn.com/webapi/share/snap?share_code={share.code}&receive_code={share.receive_code}"
    )
    assert asker.send("GET", place).status == 401
    referer = f"{share.link}&"
    assert asker.send("GET", place, referer=referer).status == 200
    asker.site.settings.switch("referer-wanted", on=False)
    assert asker.send("GET", place).status == 200


def test_a_link_without_login(asker):
    """The plain form, without cookies, bound to the User-Agent alone (§6.3)."""
    answer = asker.post(SKIP, **wish(asker))
    url = answer["data"]["url"]["url"]
    assert "&f=1&" in url
    assert body(asker.follow(url)) == b"read\n"
    assert asker.follow(url, user_agent="other").status == 403
    assert asker.get(DOWNURL, **wish(asker))["errno"] == 990001


def test_a_link_may_want_a_login(asker):
    """Then no way without cookies is open, and entries say so."""
    asker.site.settings.switch("login-required", on=True)
    assert entries(asker.snap())["读我.txt"]["is_skip_login"] == 0
    assert asker.post(SKIP, **wish(asker))["errno"] == 990001
    asker.cookie = asker.site.sessions.first.header
    answer = asker.get(DOWNURL, **wish(asker, dl=1))
    assert answer["data"]["fn"] == "读我.txt"


def test_a_link_with_login_has_a_cookie(asker):
    """Plain and sealed; other field names when switched."""
    asker.cookie = asker.site.sessions.first.header
    response = asker.send(
        "GET", f"{DOWNURL}?{'&'.join(f'{k}={v}' for k, v in wish(asker).items())}"
    )
    assert len(response.cookies) == 1
    answer, _, inner = asker.sealed(SEALED, wish(asker))
    cookie = answer.cookies[0].partition(";")[0]
    assert body(asker.follow(inner["url"]["url"], cookie=cookie)) == b"read\n"
    asker.site.settings.switch("share-other-fields", on=True)
    data = asker.get(DOWNURL, **wish(asker))["data"]
    assert (data["url"], "cdnfhnfile" in data["file_url"]) == ({}, True)


def test_what_has_no_link_in_a_share(asker):
    """A folder has `url` false; an ended share and a wrong code are refused."""
    assert asker.post(SKIP, **wish(asker, "季"))["data"]["url"] is False
    assert asker.post(SKIP, **wish(asker, file_id="1"))["errno"] == 20018
    assert asker.post(SKIP, **wish(asker, receive_code="zzzz"))["errno"] == 4100008
    asker.site.control("share", {"state": "expired"})
    assert asker.post(SKIP, **wish(asker))["errno"] == 4100018
    asker.site.control("share", {"state": "cancelled"})
    assert asker.post(SKIP, **wish(asker))["errno"] == 4100009


def test_receiving_copies_into_the_own_drive(asker):
    """Where it is told to, else into a folder of its own; twice is refused (§6.4)."""
    asker.cookie = asker.site.sessions.first.header
    target = asker.site.tree.find("季")
    answer = asker.post("webapi.115.com/share/receive", **wish(asker, cid=target.id))
    assert answer["state"] is True
    assert "读我.txt" in [entry["n"] for entry in asker.files(target.id)["data"]]
    assert asker.post("webapi.115.com/share/receive", **wish(asker))["errno"] == 4200045
    assert asker.post("webapi.115.com/share/receive", **wish(asker, file_id=0))["state"] is True
    received = asker.site.tree.find("最近接收")
    assert {child.name for child in received.children.values()} == {"季", "读我.txt"}
    assert asker.snap()["data"]["count"] == 2


def test_the_apps_snapshot_ends_at_a_thousand(tmp_path):
    """And wants a login (§6.2)."""
    for number in range(1001):
        (tmp_path / f"{number}").touch()
    asker = Asker(tmp_path)
    share = asker.site.main_share
    query = {"share_code": share.code, "receive_code": share.receive_code, "limit": 5000}
    place = "proapi.115.com/android/2.0/share/snap"
    assert asker.get(place, **query)["data"]["count"] == 1000
    asker.cookie = None
    assert asker.get(place, **query)["errno"] == 99
