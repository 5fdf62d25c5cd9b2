"""Shares of the Aliyundrive emulator: states, tokens, saving, and the owner's side."""

from __future__ import annotations

import pytest

from tests.emulators.aliyun_asker import REFERER, Owner, text_of

CANARY = {"x_canary": "client=web,app=share,version=v2.3.1"}
LIST = "/adrive/v3/file/list"
LINK = "/v2/file/get_share_link_download_url"


@pytest.fixture
def root(tmp_path):
    """A folder in a folder, and two files."""
    folder = tmp_path / "served"
    (folder / "目录" / "深").mkdir(parents=True)
    (folder / "目录" / "b.txt").write_bytes(b"bb")
    (folder / "a.txt").write_bytes(b"0123456789")
    return folder


class Visitor(Owner):
    """Somebody with an empty drive and a link to a share."""

    def __init__(self, root, *options):
        super().__init__(root, *options, provider="aliyundrive_share")
        self.share_id = self.site.main_share.share_id
        self.share_token = ""

    def open(self, code=""):
        """Get a share token."""
        body = {"share_id": self.share_id, "share_pwd": code}
        self.share_token = self.ok("/v2/share_link/get_share_token", body)["share_token"]

    def shared(self, path, parent="root", **wish):
        """The answer of a call about the share, with its token only."""
        body = {"share_id": self.share_id, "parent_file_id": parent} | wish
        signed, self.headers = self.headers, {}
        try:
            return self.post(path, body, x_share_token=self.share_token, **CANARY)
        finally:
            self.headers = signed

    def shared_ids(self, parent="root"):
        """Names to ids in a folder of the share."""
        status, value = self.shared(LIST, parent)
        assert status == 200, value
        return {item["name"]: item["file_id"] for item in value["items"]}

    def save(self, file_id, **wish):
        """Copy something from the share into the own drive's root."""
        body = {
            "share_id": self.share_id,
            "file_id": file_id,
            "auto_rename": True,
            "to_drive_id": "1001",
            "to_parent_file_id": "root",
        }
        return self.post("/v2/file/copy", body | wish, x_share_token=self.share_token)


@pytest.fixture
def visitor(root):
    """A visitor who has opened the share."""
    visitor = Visitor(root)
    visitor.open()
    return visitor


def test_anybody_sees_what_is_shared(root):
    """Without the code, and without the whole phone number."""
    visitor = Visitor(root, "--share-password", "abcd")
    visitor.headers = {}
    path = f"/adrive/v3/share_link/get_share_by_anonymous?share_id={visitor.share_id}"
    told = visitor.ok(path, {"share_id": visitor.share_id})
    assert (told["file_count"], told["has_pwd"], told["expiration"]) == (2, True, "")
    assert {file["file_name"] for file in told["file_infos"]} == {"a.txt", "目录"}
    assert "***" in told["creator_phone"]
    visitor.site.control("switch", {"old-anonymous-info": True})
    assert "has_pwd" not in visitor.ok(path, {"share_id": visitor.share_id})


@pytest.mark.parametrize("code", ["", "abce", "ABCD"])
def test_a_wrong_or_missing_code_is_refused(root, code):
    """Both in the same words; a number of letters of nobody is no share."""
    visitor = Visitor(root, "--share-password", "abcd")
    body = {"share_id": visitor.share_id, "share_pwd": code}
    path = "/v2/share_link/get_share_token"
    assert visitor.code(path, body) == (400, "InvalidResource.SharePwd")
    assert visitor.code(path, {"share_id": "AAAAAAAAAAA"}) == (404, "NotFound.ShareLink")
    assert visitor.code(path, {"share_id": "a/b"}) == (400, "InvalidParameter.ShareId")


def test_a_share_shows_the_directory_as_its_top(visitor, root):
    """Shared items say `root` is their parent; further ones show as they come."""
    items = {item["name"]: item for item in visitor.shared(LIST)[1]["items"]}
    assert items.keys() == {"a.txt", "目录"}
    assert {item["parent_file_id"] for item in items.values()} == {"root"}
    assert items["a.txt"]["share_id"] == visitor.share_id
    assert "url" not in items["a.txt"]
    below = visitor.shared(LIST, items["目录"]["file_id"])[1]["items"]
    assert {item["parent_file_id"] for item in below} == {items["目录"]["file_id"]}
    (root / "later.txt").write_bytes(b"later")
    assert "later.txt" in visitor.shared_ids()


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("expired", 400, "ShareLink.Expired"),
        ("cancelled", 400, "ShareLink.Cancelled"),
        ("forbidden", 403, "ShareLink.Forbidden"),
        ("review", 403, "ShareLink.Forbidden"),
    ],
)
def test_a_share_ends_under_its_visitors(visitor, state, status, code):
    """Whatever is asked of it says so, until it is fine again."""
    visitor.site.control("share", {"state": state})
    value = visitor.shared(LIST)
    assert (value[0], value[1]["code"]) == (status, code)
    body = {"share_id": visitor.share_id}
    for path in ("/v2/share_link/get_share_token", "/adrive/v2/share_link/get_share_by_anonymous"):
        assert visitor.code(path, body) == (status, code)
    visitor.site.control("share", {"state": "fine"})
    assert visitor.shared(LIST)[0] == 200


def test_a_share_expires_by_the_clock(visitor):
    """At the time that anybody may see."""
    visitor.site.control("share", {"expiration": "2099-01-01T00:00:00.000Z"})
    assert visitor.shared(LIST)[0] == 200
    visitor.site.control("share", {"expiration": "2020-01-01T00:00:00.000Z"})
    assert visitor.shared(LIST)[1]["code"] == "ShareLink.Expired"


def test_a_new_code_ends_the_tokens_of_the_old_one(visitor):
    """And the old code opens it no more."""
    visitor.site.control("share", {"password": "wxyz"})
    value = visitor.shared(LIST)
    assert (value[0], value[1]["code"]) == (401, "ShareLinkTokenInvalid")
    body = {"share_id": visitor.share_id, "share_pwd": ""}
    path = "/v2/share_link/get_share_token"
    assert visitor.code(path, body)[1] == "InvalidResource.SharePwd"
    visitor.open("wxyz")
    assert visitor.shared(LIST)[0] == 200


def test_a_share_may_want_a_login(visitor):
    """The token call then needs an access token."""
    visitor.site.control("share", {"require_login": True})
    visitor.open()
    visitor.headers = {}
    body = {"share_id": visitor.share_id}
    refused = visitor.code("/v2/share_link/get_share_token", body)
    assert refused == (401, "AccessTokenInvalid")


def test_share_tokens_live_two_hours_at_most(root):
    """Or as long as was asked, or as the settings say; and they can be made to end."""
    visitor = Visitor(root, "--share-token-life", "100")
    visitor.open()
    visitor.jump(99)
    assert visitor.shared(LIST)[0] == 200
    visitor.jump(2)
    assert visitor.shared(LIST)[1]["code"] == "ShareLinkTokenInvalid"
    visitor.open()
    visitor.site.control("expire", {"what": "share_token"})
    assert visitor.shared(LIST)[0] == 401
    body = {"share_id": visitor.share_id, "expire_sec": 7201}
    assert visitor.code("/v2/share_link/get_share_token", body)[0] == 400


def test_a_token_opens_its_own_share_only(visitor):
    """No token at all is another error."""
    other = visitor.site.expired_share
    other.expired = False
    visitor.share_id = other.share_id
    value = visitor.shared(LIST)
    assert value[1]["code"].startswith("InvalidParameterNotMatch")
    assert "share_id doesn't match. share_token" in value[1]["message"]
    visitor.share_token = ""
    assert visitor.shared(LIST)[1]["code"] == "ShareLinkTokenInvalid"


def test_a_folder_may_be_closed(visitor):
    """Its listing is forbidden, its neighbours' are not."""
    visitor.site.control("share", {"closed": "目录"})
    ids = visitor.shared_ids()
    value = visitor.shared(LIST, ids["目录"])
    assert (value[0], value[1]["code"]) == (403, "ForbiddenNoPermission.File")


def test_what_the_sharer_throws_away_is_gone(visitor):
    """From the listing, and by id as something in the bin."""
    ids = visitor.shared_ids()
    visitor.site.control("trash", {"path": "a.txt"})
    assert "a.txt" not in visitor.shared_ids()
    value = visitor.shared("/v2/file/get", file_id=ids["a.txt"])
    assert value[1]["code"] == "ForbiddenFileInTheRecycleBin"


def test_what_is_not_shared_is_not_found(visitor):
    """A node of the visitor's own drive, asked for by way of the share."""
    own = visitor.create("mein")["file_id"]
    assert visitor.shared("/v2/file/get", file_id=own)[1]["code"] == "NotFound.File"


def test_direct_links_are_refused_since_2024(visitor):
    """The switch brings the old times back, with 600 s at most."""
    ids = visitor.shared_ids()
    body = {"share_id": visitor.share_id, "file_id": ids["a.txt"], "expire_sec": 600}
    token = {"x_share_token": visitor.share_token}
    assert visitor.code(LINK, body, **token) == (429, "ParamFlowException")
    visitor.site.control("switch", {"share-links-work": True})
    url = visitor.ok(LINK, body, **token)["download_url"]
    assert text_of(visitor.fetch(url, referer=REFERER)) == b"0123456789"
    refused = visitor.code(LINK, body | {"expire_sec": 601}, **token)
    assert refused == (400, "InvalidParameter.ExpireSec")


def test_share_calls_may_want_the_share_pages_canary(visitor):
    """The switch; without it any canary will do."""
    visitor.site.control("switch", {"share-canary": True})
    assert visitor.shared(LIST)[0] == 200
    body = {"share_id": visitor.share_id, "parent_file_id": "root"}
    refused = visitor.code(LIST, body, x_share_token=visitor.share_token)
    assert refused == (429, "ParamFlowException")


def test_a_saved_file_is_there_at_once(visitor):
    """201, a new id, and a link that works; a second one finds another name."""
    ids = visitor.shared_ids()
    status, value = visitor.save(ids["a.txt"])
    assert status == 201
    assert "async_task_id" not in value
    assert visitor.save(ids["a.txt"])[0] == 201
    mine = visitor.ids()
    assert len(mine) == 2
    assert mine["a.txt"] == value["file_id"] != ids["a.txt"]
    url = visitor.link(value["file_id"])["url"]
    assert text_of(visitor.fetch(url, referer=REFERER)) == b"0123456789"


def test_a_saved_folder_is_there_when_its_task_is_done(visitor):
    """Two polls find it running, by the single call and in a batch."""
    ids = visitor.shared_ids()
    status, value = visitor.save(ids["目录"])
    assert status == 202
    row = {"id": "0", "method": "POST", "url": "/async_task/get", "body": value}
    batch = {"resource": "file", "requests": [row]}
    assert visitor.ok("/v2/async_task/get", value)["state"] == "Running"
    assert visitor.ok("/v3/batch", batch)["responses"][0]["status"] == 202
    assert "目录" not in visitor.ids()
    assert visitor.ok("/v3/batch", batch)["responses"][0]["status"] == 200
    assert visitor.ids()["目录"] == value["file_id"]
    assert visitor.ids(value["file_id"]).keys() == {"b.txt", "深"}


@pytest.mark.parametrize(
    ("switch", "state"), [("fail-tasks", "Failed"), ("partial-tasks", "PartialSucceed")]
)
def test_tasks_end_badly_by_a_switch(root, switch, state):
    """An unknown one is 404."""
    visitor = Visitor(root, "--async-polls", "0", "--defect", switch)
    visitor.open()
    task = visitor.save(visitor.shared_ids()["目录"])[1]
    assert visitor.ok("/v2/async_task/get", task)["state"] == state
    refused = visitor.code("/v2/async_task/get", {"async_task_id": "?"})
    assert refused == (404, "NotFound.AsyncTask")


def test_saving_needs_both_tokens_and_room(visitor):
    """Each that is missing has its own error."""
    file_id = visitor.shared_ids()["a.txt"]
    assert visitor.save(file_id, to_drive_id="77")[1]["code"] == "NotFound.Drive"
    visitor.site.control("settings", {"capacity_bytes": 9})
    assert visitor.save(file_id)[1]["code"] == "QuotaExhausted.Drive"
    visitor.site.control("settings", {"capacity_bytes": 1 << 30})
    visitor.share_token = ""
    assert visitor.save(file_id)[1]["code"] == "ShareLinkTokenInvalid"
    visitor.open()
    visitor.headers = {}
    assert visitor.save(file_id)[1]["code"] == "AccessTokenInvalid"


def test_own_shares_have_a_life(visitor):
    """Made, listed a page at a time, changed, cancelled, and listed no more."""
    first = visitor.create("eins")["file_id"]
    made = [
        visitor.ok(
            "/adrive/v2/share_link/create",
            {"drive_id": "1001", "file_id_list": [first], "share_pwd": code, "expiration": ""},
        )
        for code in ("aaaa", "")
    ]
    assert made[0]["share_url"].endswith(f"/s/{made[0]['share_id']}")
    assert made[0]["first_file"]["file_id"] == first
    page = visitor.ok("/adrive/v3/share_link/list", {"limit": 1, "order_by": "created_at"})
    assert [one["share_id"] for one in page["items"]] == [made[1]["share_id"]]
    assert page["next_marker"]
    body = {"share_id": made[0]["share_id"], "share_pwd": "bbbb"}
    assert visitor.ok("/v2/share_link/update", body)["share_pwd"] == "bbbb"
    answer = visitor.send("POST", "/adrive/v2/share_link/cancel", body)
    assert (answer.status, text_of(answer)) == (200, b"")
    left = visitor.ok("/adrive/v3/share_link/list", {})["items"]
    assert [one["share_id"] for one in left] == [made[1]["share_id"]]
    everything = visitor.ok("/adrive/v3/share_link/list", {"include_canceled": True})["items"]
    assert {one["status"] for one in everything} == {"enabled", "disabled"}


def test_foreign_shares_are_not_the_callers(visitor):
    """Neither to list nor to cancel."""
    creator = visitor.site.publisher.user_id
    refused = visitor.code("/adrive/v3/share_link/list", {"creator": creator})
    assert refused == (403, "ForbiddenNoPermission.ShareLink")
    body = {"share_id": visitor.share_id}
    assert visitor.code("/adrive/v2/share_link/cancel", body)[0] == 403


def test_a_pasted_text_has_a_share_in_it(visitor):
    """With its code."""
    text = "https://www.alipan.com/s/JuRzzkQVF1z 提取码: 1a2b"
    told = visitor.ok("/adrive/v2/share_link/extract_code", {"content": text})
    assert told["data"] == {"share_id": "JuRzzkQVF1z", "share_pwd": "1a2b"}


def test_what_is_started_can_be_mounted(visitor):
    """The line has a link as a person pastes it, and the drive to read by."""
    ready = visitor.ready
    assert ready.source == f"https://www.alipan.com/s/{visitor.share_id}"
    assert ready.options == "hosts=http://drive.test/{host},via=own"
    assert ready.remotes["own"]["driver"] == "aliyundrive"
    assert ready.remotes["demo"]["via"] == "own"
    assert ready.more["expired"] != ready.more["cancelled"] != ready.source
