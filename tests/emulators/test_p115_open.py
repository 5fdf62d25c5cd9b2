"""The emulated 115 Open platform (wire 115 §10)."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.emulators.p115.open_auth import CLIENT_ID
from tests.emulators.p115_asker import Asker, body

HOST = "passportapi.115.com/open"
VERIFIER = "v" * 43


@pytest.fixture
def root(tmp_path):
    """A folder with a file, and a file."""
    folder = tmp_path / "served"
    (folder / "影/内").mkdir(parents=True)
    (folder / "影/a.mkv").write_bytes(b"a" * 7)
    (folder / "b.txt").write_text("bee\n")
    return folder


@pytest.fixture
def asker(root):
    """With a living access token and no cookies."""
    asker = Asker(root)
    asker.cookie = None
    return asker


def challenge(method):
    """The challenge of the verifier: standard base64 of the raw digest."""
    return base64.b64encode(hashlib.new(method, VERIFIER.encode()).digest()).decode()


def shown(asker, method="sha256", **changes):
    """The answer to a request for a QR code."""
    form = {
        "client_id": CLIENT_ID,
        "code_challenge": challenge(method),
        "code_challenge_method": method,
    }
    return asker.post(f"{HOST}/authDeviceCode", **(form | changes))


def renewed(asker, token):
    """The answer to a renewal."""
    return asker.post(f"{HOST}/refreshToken", refresh_token=token)


@pytest.mark.parametrize("method", ["sha256", "sha1", "md5"])
def test_a_device_code_becomes_tokens(asker, method):
    """Shown, polled, confirmed, redeemed once with the verifier."""
    data = shown(asker, method)["data"]
    poll = {name: data[name] for name in ("uid", "time", "sign")}
    states = [asker.get("qrcodeapi.115.com/get/status/", **poll)["data"]["status"] for _ in "123"]
    assert states == [0, 1, 2]
    redeem = {"uid": data["uid"], "code_verifier": VERIFIER}
    answer = asker.post(f"{HOST}/deviceCodeToToken", **redeem)
    assert (answer["state"], answer["data"]["expires_in"]) == (1, 7200)
    asker.token = answer["data"]["access_token"]
    assert asker.open("GET", "user/info")["state"] is True
    assert asker.post(f"{HOST}/deviceCodeToToken", **redeem)["code"] == 40140113


def test_a_device_code_is_refused(asker):
    """Each mistake has its own code (§10.4)."""
    assert shown(asker, client_id="1")["code"] == 40140100
    assert shown(asker, code_challenge="")["code"] == 40140101
    assert shown(asker, code_challenge_method="plain")["code"] == 40140102
    uid = shown(asker)["data"]["uid"]
    place = f"{HOST}/deviceCodeToToken"
    assert asker.post(place, uid=uid, code_verifier=VERIFIER)["code"] == 50199004
    asker.site.control("qr", {"state": "confirmed"})
    assert asker.post(place, uid=uid, code_verifier="short")["code"] == 40140112
    assert asker.post(place, uid=uid, code_verifier="w" * 43)["code"] == 40140113
    asker.site.control("qr", {"state": "expired"})
    assert asker.post(place, uid=uid, code_verifier=VERIFIER)["code"] == 40199002


def test_a_refresh_token_works_once(asker):
    """The old one is dead at once, its access token too; number in `code` and `errno`."""
    old = asker.ready.more["refresh_token"]
    answer = renewed(asker, old)
    assert (answer["state"], answer["code"]) == (1, 0)
    again = renewed(asker, old)
    assert (again["state"], again["code"], again["errno"]) == (0, 40140116, 40140116)
    assert asker.open("GET", "user/info")["code"] == 40140125
    asker.token = answer["data"]["access_token"]
    assert asker.open("GET", "user/info")["state"] is True
    assert renewed(asker, "nonsense")["code"] == 40140114


def test_tokens_end(asker):
    """By time, by wish, and by the user's withdrawal."""
    refresh = asker.ready.more["refresh_token"]
    asker.site.clock.jump(7201)
    assert asker.open("GET", "user/info")["code"] == 40140125
    asker.token = renewed(asker, refresh)["data"]["access_token"]
    asker.site.control("expire", {"what": "access"})
    assert asker.open("GET", "user/info")["errno"] == 40140125
    login = asker.site.tokens.sign_in()
    asker.site.control("expire", {"what": "refresh"})
    assert renewed(asker, login.refresh_token)["code"] == 40140119
    asker.site.control("expire", {"what": "app"})
    assert renewed(asker, login.refresh_token)["code"] == 40140116
    asker.token = "nonsense"
    assert asker.open("GET", "user/info")["code"] == 40140123


def test_the_fourth_login_ends_the_first(asker):
    """Three of one app live (§10.1)."""
    for _ in range(2):
        asker.site.tokens.sign_in()
    assert asker.open("GET", "user/info")["state"] is True
    asker.site.tokens.sign_in()
    assert asker.open("GET", "user/info")["code"] == 40140125


def test_renewing_can_be_too_often(asker):
    """40140117 leaves the old pair alive."""
    asker.site.settings.switch("refresh-too-often", on=True)
    refresh = asker.ready.more["refresh_token"]
    assert renewed(asker, refresh)["code"] == 40140117
    assert asker.open("GET", "user/info")["state"] is True
    asker.site.clock.jump(3601)
    assert renewed(asker, refresh)["state"] == 1


def test_a_listing_has_folders_only_when_asked(asker):
    """`show_dir` is 0 by default, and then the whole subtree's files come (§10.2)."""
    wished = asker.open("GET", "ufile/files", cid=0, show_dir=1, custom_order=1, o="file_name")
    assert [entry["fn"] for entry in wished["data"]] == ["影", "b.txt"]
    assert {entry["fn"] for entry in asker.open("GET", "ufile/files", cid=0)["data"]} == {
        "a.mkv",
        "b.txt",
    }
    bare = asker.open("GET", "ufile/files", cid=0, cur=1)["data"]
    assert [entry["fn"] for entry in bare] == ["b.txt"]


def test_entries_have_the_types_that_strict_clients_want(asker):
    """Ids and flags are text, times and sizes numbers; folders have a `fid`, too (§14.5)."""
    page = asker.open("GET", "ufile/files", cid=0, show_dir=1, custom_order=1, o="file_name")
    assert {type(page[name]) for name in ("count", "offset", "aid", "cid", "is_asc", "cur")} == {
        int
    }
    folder, file = page["data"]
    for entry in (folder, file):
        texts = ("fid", "aid", "pid", "fc", "fn", "ism", "pc", "sha1", "fta", "ico")
        assert {type(entry[name]) for name in texts} == {str}
        assert {type(entry[name]) for name in ("upt", "uet", "uppt", "fs", "isv")} == {int}
    assert (folder["fc"], file["fc"], file["fs"], file["pid"]) == ("0", "1", 4, "0")


def test_an_unknown_folder_lists_the_root(asker):
    """Trap 3 is here, too."""
    page = asker.open("GET", "ufile/files", cid=3999999999999999999, show_dir=1)
    assert (page["cid"], page["count"]) == (0, 2)


def test_orders_that_do_not_work(asker):
    """`user_ptime` sorts as `user_utime`, and says so (§4.3)."""
    page = asker.open("GET", "ufile/files", cid=0, show_dir=1, custom_order=1, o="user_ptime")
    assert page["order"] == "user_utime"


def test_one_object_is_told_by_id_and_by_path(asker):
    """With its exact size in bytes; a missing path is a code or an empty list."""
    folder = asker.site.tree.find("影")
    by_id = asker.open("GET", "folder/get_info", file_id=folder.id)["data"]
    assert (by_id["size_byte"], by_id["count"], by_id["folder_count"]) == (7, 1, 1)
    assert [one["file_id"] for one in by_id["paths"]] == ["0"]
    for path in ("/影/a.mkv", "影>a.mkv"):
        told = asker.open("POST", "folder/get_info", path=path)["data"]
        assert (told["file_name"], told["file_category"]) == ("a.mkv", "1")
    assert asker.open("POST", "folder/get_info", path="/none")["code"] == 430004
    asker.site.settings.switch("open-missing-list", on=True)
    missing = asker.open("POST", "folder/get_info", path="/none")
    assert (missing["state"], missing["data"]) == (True, [])


def test_a_link_is_bound_to_the_agent(asker):
    """Plain, by id; `file_size` is a number here."""
    code = asker.pickcode("b.txt")
    data = asker.open("POST", "ufile/downurl", pick_code=code)["data"]
    (item,) = data.values()
    assert (item["file_size"], item["pick_code"]) == (4, code)
    assert body(asker.follow(item["url"]["url"])) == b"bee\n"
    assert asker.follow(item["url"]["url"], user_agent="other").status == 403
    asker.site.settings.switch("link-empty", on=False)
    assert asker.open("POST", "ufile/downurl", pick_code="a38v1gqa8xmqshq4n")["code"] == 50003


def test_the_access_limit_swaps_code_and_message(asker):
    """770004 is in `message` and its text in `code`; 406 when switched (§2.1)."""
    asker.site.control("block", {"form": "open-limit", "family": "open", "seconds": 60})
    answer = asker.open("GET", "user/info")
    assert (answer["state"], answer["message"], type(answer["code"])) == (False, 770004, str)
    assert "已达到当前访问上限" in answer["code"]
    assert answer["request"].endswith("/open/user/info")
    asker.site.settings.switch("limit-plain", on=True)
    assert asker.open("GET", "user/info")["code"] == 406
    assert renewed(asker, asker.ready.more["refresh_token"])["state"] == 1
    asker.site.clock.jump(61)
    assert asker.open("GET", "user/info")["code"] == 40140125


def test_a_day_has_a_budget(asker):
    """The next day begins at midnight in China."""
    asker.site.control("settings", {"open_daily_calls": 2, "access_life_s": 1e6})
    asker.token = asker.site.tokens.sign_in().access_token
    states = [asker.open("GET", "user/info")["state"] for _ in range(3)]
    assert states == [True, True, False]
    asker.site.clock.jump(86400)
    assert asker.open("GET", "user/info")["state"] is True
