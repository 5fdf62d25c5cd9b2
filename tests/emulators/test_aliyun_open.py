"""The Open API of the Aliyundrive emulator: rates, tokens, relay, and how it differs."""

from __future__ import annotations

import base64
import json

import pytest

from tests.emulators.aliyun.open_auth import CLIENT_ID, CLIENT_SECRET
from tests.emulators.aliyun_asker import Asker, text_of, value_of

OPEN = "openapi.alipan.com"
RELAY = "api.oplist.org"
FILE = "/adrive/v1.0/openFile"
DRIVE = "1002"


@pytest.fixture
def root(tmp_path):
    """A folder and three files."""
    folder = tmp_path / "served"
    (folder / "目录").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"0123456789")
    (folder / "live.livp").write_bytes(b"live")
    (folder / "large.bin").write_bytes(bytes(5_000_001))
    return folder


class Application(Asker):
    """An application that the owner has let in."""

    def __init__(self, root, *options):
        super().__init__("aliyundrive_open", root, *options)
        self.host = OPEN
        self.refresh_token = self.ready.more["refresh_token"]
        self.access_token = ""
        self.refresh()

    def refresh(self):
        """Trade the refresh token."""
        body = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token,
        }
        told = self.ok("/oauth/access_token", body)
        self.refresh_token = told["refresh_token"]
        self.access_token = told["access_token"]
        self.headers = {"authorization": f"Bearer {self.access_token}"}

    def ids(self, **wish):
        """Names to ids of the root."""
        body = {"drive_id": DRIVE, "parent_file_id": "root"} | wish
        page = self.ok(f"{FILE}/list", body)
        return {item["name"]: item["file_id"] for item in page["items"]}

    def link(self, file_id):
        """The answer for a link."""
        return self.ok(f"{FILE}/getDownloadUrl", {"drive_id": DRIVE, "file_id": file_id})


@pytest.fixture
def application(root):
    """An application."""
    return Application(root)


def claims(token):
    """What a token says."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_both_tokens_name_the_user(application):
    """Their `sub` stays the same over a refresh, unless the switch mixes up accounts."""
    before = claims(application.refresh_token)["sub"]
    application.refresh()
    assert claims(application.access_token)["sub"] == before
    application.site.control("switch", {"other-sub": True})
    application.refresh()
    assert claims(application.access_token)["sub"] != before


def test_a_refresh_token_is_good_for_one_use_and_90_days(application):
    """Both ends have the same code."""
    first = application.refresh_token
    application.refresh()
    body = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "refresh_token"}
    path = "/oauth/access_token"
    refused = application.code(path, body | {"refresh_token": first})
    assert refused == (401, "RefreshTokenInvalid")
    application.jump(90 * 86400 + 1)
    body["refresh_token"] = application.refresh_token
    assert application.code(path, body) == (401, "RefreshTokenInvalid")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"client_id": "another"}, "InvalidClientId"),
        ({"client_secret": "wrong"}, "InvalidClientSecret"),
        ({"grant_type": "password"}, "InvalidGrantType"),
        ({"grant_type": "authorization_code", "code": "x"}, "InvalidCode"),
    ],
)
def test_what_is_configured_wrong_is_told(application, wish, code):
    """Each mistake has its code."""
    body = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "refresh_token"}
    status, value = application.post("/oauth/access_token", body | wish)
    assert (status, value["code"]) == (400, code)
    assert value["requestId"]


def test_an_access_token_ends_after_two_hours(application):
    """In another word than that of the apps' API."""
    application.jump(7201)
    refused = application.code("/adrive/v1.0/user/getDriveInfo")
    assert refused == (401, "AccessTokenExpired")
    refused = application.code("/adrive/v1.0/user/getDriveInfo", authorization="Bearer ")
    assert refused == (400, "I400JD")


@pytest.mark.parametrize(("path", "allowed"), [("list", 40), ("getDownloadUrl", 10), ("get", 150)])
def test_three_buckets_have_limits_of_their_own(application, path, allowed):
    """The refused call says in milliseconds when there is room; refused ones do not count."""
    body = {"drive_id": DRIVE, "parent_file_id": "root", "file_id": application.ids()["a.txt"]}
    application.jump(11)
    for _ in range(allowed):
        application.ok(f"{FILE}/{path}", body)
    answer = application.send("POST", f"{FILE}/{path}", body)
    assert (answer.status, value_of(answer)["code"]) == (429, "TooManyRequests")
    wait_ms = int(answer.headers["x-retry-after"])
    assert 9_000 < wait_ms <= 10_000
    assert "retry-after" not in answer.headers
    others = {"list", "getDownloadUrl", "get"} - {path}
    for other in others:
        application.ok(f"{FILE}/{other}", body)
    application.jump(wait_ms / 1000)
    application.ok(f"{FILE}/{path}", body)
    assert application.site.rates.refused == 1


def test_another_application_has_its_own_limits(application):
    """They are per user and application."""
    body = {"drive_id": DRIVE, "file_id": application.ids()["a.txt"]}
    for _ in range(10):
        application.ok(f"{FILE}/getDownloadUrl", body)
    owner = application.site.owner
    other = application.site.tokens.issue(owner, "open", "relay")["access_token"]
    bearer = f"Bearer {other}"
    assert application.post(f"{FILE}/getDownloadUrl", body, authorization=bearer)[0] == 200


def test_items_have_nulls_and_a_url_only_when_small(application):
    """The url is for previews."""
    page = application.ok(f"{FILE}/list", {"drive_id": DRIVE, "parent_file_id": "root"})
    items = {item["name"]: item for item in page["items"]}
    assert items["a.txt"]["url"].startswith("http://drive.test/")
    assert items["large.bin"]["url"] is None
    assert items["目录"]["url"] is items["目录"]["play_cursor"] is None
    assert "size" not in items["目录"]


def test_a_link_needs_no_referer(application):
    """And leads to the content."""
    told = application.link(application.ids()["a.txt"])
    assert text_of(application.fetch(told["url"])) == b"0123456789"
    assert told["streamsUrl"] is None


def test_a_live_photo_has_two_streams(application):
    """And no link of its own."""
    told = application.link(application.ids()["live.livp"])
    assert told["url"] is None
    assert told["streamsUrl"].keys() == {"jpeg", "mov"}


def test_a_link_may_be_nothing_at_all(application):
    """200 with every field null."""
    file_id = application.ids()["a.txt"]
    application.site.control("switch", {"null-links": True})
    assert set(application.link(file_id).values()) == {None}


def test_a_drive_that_was_not_granted(application):
    """It is not told of, and refused."""
    application.site.control("switch", {"no-resource-drive": True})
    told = application.ok("/adrive/v1.0/user/getDriveInfo")
    assert "resource_drive_id" not in told
    body = {"drive_id": DRIVE, "parent_file_id": "root"}
    assert application.code(f"{FILE}/list", body) == (403, "ForbiddenDriveNotValid")
    body["drive_id"] = "77"
    assert application.code(f"{FILE}/list", body) == (403, "UserNotAllowedAccessDrive")


def test_changes_answer_200_and_a_body(application):
    """Also where the apps' API has 201, 202 and 204."""
    folder = {"drive_id": DRIVE, "parent_file_id": "root", "name": "neu", "type": "folder"}
    status, made = application.post(f"{FILE}/create", folder)
    assert status == 200
    assert made["file_name"] == "neu"
    where = {"drive_id": DRIVE, "file_id": application.ids()["a.txt"]}
    status, copy = application.post(f"{FILE}/copy", where | {"to_parent_file_id": made["file_id"]})
    assert (status, copy["async_task_id"]) == (200, "")
    status, gone = application.post(f"{FILE}/recyclebin/trash", where)
    assert (status, gone["file_id"]) == (200, where["file_id"])
    status, task = application.post(
        f"{FILE}/copy", {"drive_id": DRIVE, "file_id": made["file_id"], "to_parent_file_id": "root"}
    )
    assert status == 200
    assert application.ok(f"{FILE}/async_task/get", task)["state"] == "Running"


def test_a_clash_is_no_error_here(application):
    """`exist` tells, and nothing is moved; without a mode there are two of one name."""
    ids = application.ids()
    twin = {"drive_id": DRIVE, "parent_file_id": ids["目录"], "name": "a.txt", "type": "folder"}
    there = application.ok(f"{FILE}/create", twin)
    body = {"drive_id": DRIVE, "file_id": ids["a.txt"], "to_parent_file_id": ids["目录"]}
    told = application.ok(f"{FILE}/move", body | {"check_name_mode": "refuse"})
    assert (told["exist"], told["file_id"]) == (True, there["file_id"])
    assert "a.txt" in application.ids()
    assert application.ok(f"{FILE}/move", body)["exist"] is False
    assert "a.txt" not in application.ids()


def test_shares_are_made_in_camel_case(application):
    """And there is no call that reads another's."""
    body = {"driveId": DRIVE, "fileIdList": [application.ids()["a.txt"]], "sharePwd": "abcd"}
    told = application.ok(f"{FILE}/createShare", body)
    assert told["share_pwd"] == "abcd"
    assert told["share_url"].endswith(told["share_id"])
    assert application.send("POST", f"{FILE}/list_by_share", {}).status == 404
    text = text_of(application.send("POST", f"{FILE}/no", {}))
    assert text == b"404 page not found"


def test_a_relay_refreshes_for_others(application):
    """It wants to know whose application it is, and tells of errors in its own way."""
    token = application.site.refresh_token("open", "relay")
    path = f"/alicloud/renewapi?refresh_ui={token}&server_use=true&driver_txt="
    assert application.send("GET", f"{path}other", host=RELAY).status == 400
    told = value_of(application.send("GET", f"{path}alicloud_qr", host=RELAY))
    assert told.keys() == {"refresh_token", "access_token"}
    again = value_of(application.send("GET", f"{path}alicloud_qr", host=RELAY))
    assert again.keys() == {"text"}
    old = {"client_id": "", "client_secret": "", "refresh_token": told["refresh_token"]}
    assert application.ok("/alicloud/access_token", old, RELAY)["access_token"]


def test_space_and_names(application):
    """Space is told of the whole account."""
    space = application.ok("/adrive/v1.0/user/getSpaceInfo")["personal_space_info"]
    assert space["total_size"] > space["used_size"] > 5_000_000
    info = value_of(application.send("GET", "/oauth/users/info"))
    assert info["id"] == application.site.owner.user_id
    scopes = value_of(application.send("GET", "/oauth/users/scopes"))["scopes"]
    assert {"scope": "file:all:read"} in scopes
