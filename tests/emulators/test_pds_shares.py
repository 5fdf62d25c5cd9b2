"""The PDS emulator: shares, of those who visit and of those who own them."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.emulators.aliyun_asker import Member, text_of, value_of


@pytest.fixture
def root(tmp_path):
    """A folder with a file, and a file."""
    folder = tmp_path / "served"
    (folder / "目录").mkdir(parents=True)
    (folder / "目录" / "b.txt").write_bytes(b"bb")
    (folder / "a.txt").write_bytes(b"0123456789")
    return folder


@pytest.fixture
def member(root):
    """A member."""
    return Member(root)


def test_a_visitor_can_be_redirected(member):
    """A plain GET with the share token leads to the content."""
    member.open()
    query = urlencode({"share_id": member.share_id, "file_id": member.shared_ids()["a.txt"]})
    member.headers = {}
    answer = member.send("GET", f"/v2/file/download?{query}", x_share_token=member.share_token)
    assert answer.status == 302
    assert text_of(member.fetch(answer.headers["location"])) == b"0123456789"


def test_a_share_id_goes_before_a_drive_id(member):
    """With both the drive is ignored; a bad access token does not harm a visitor."""
    member.open()
    body = {"drive_id": "77", "parent_file_id": "root"}
    assert member.shared("/v2/file/list", **body)[0] == 200
    member.headers = {"authorization": "Bearer a.b.c"}
    told = member.ok(
        "/v2/file/list", body | {"share_id": member.share_id}, x_share_token=member.share_token
    )
    assert told["items"]
    assert member.code("/v2/file/list", body) == (401, "AccessTokenInvalid")


def test_what_the_owner_forbids_is_forbidden(member):
    """Downloads, saving, and more of either than were granted."""
    member.open()
    ids = member.shared_ids()
    link = {"path": "/v2/file/get_download_url", "file_id": ids["a.txt"]}
    save = {"file_id": ids["a.txt"], "to_drive_id": "1", "to_parent_file_id": "root"}
    tokens = {"x_share_token": member.share_token}
    member.site.control("share", {"limits": {"download_limit": 1, "save_limit": 1}})
    assert member.shared(**link)[0] == 200
    assert member.shared(**link)[1]["code"] == "ForbiddenNoPermission.File"
    save["share_id"] = member.share_id
    assert member.post("/v2/file/copy", save, **tokens)[0] == 201
    assert member.code("/v2/file/copy", save, **tokens)[0] == 403
    member.site.control(
        "share",
        {
            "limits": {"download_limit": 0, "save_limit": 0},
            "flags": {"disable_download": True, "disable_save": True},
        },
    )
    assert member.shared(**link)[0] == 403
    assert member.code("/v2/file/copy", save, **tokens)[0] == 403
    assert member.shared("/v2/file/list", parent_file_id="root")[0] == 200


def test_what_anybody_sees_of_a_share(member):
    """Counters and flags; the older answer ends before them, also for a share that expired."""
    member.site.control("share", {"password": "abcd", "state": "expired"})
    body = {"share_id": member.share_id}
    told = member.ok("/v2/share_link/get_by_anonymous", body)
    assert (told["has_pwd"], told["download_count"], told["disable_save"]) == (True, 0, False)
    assert "share_pwd" not in told
    member.site.control("switch", {"old-anonymous-info": True})
    assert member.ok("/v2/share_link/get_by_anonymous", body).keys() == {
        "creator_id",
        "creator_name",
        "creator_phone",
        "avatar",
        "share_name",
        "expiration",
        "updated_at",
    }


def test_a_share_may_want_a_captcha_or_a_login(member):
    """Neither can be solved by a code."""
    member.site.control("share", {"require_login": True})
    member.open()
    signed_in, member.headers = member.headers, {}
    body = {"share_id": member.share_id}
    path = "/v2/share_link/get_share_token"
    assert member.code(path, body) == (401, "AccessTokenInvalid")
    member.headers = signed_in
    member.site.control("switch", {"share-captcha": True})
    assert member.code(path, body)[0] == 403


def test_an_administrator_needs_no_code(member):
    """`check_share_pwd` off."""
    member.site.control("share", {"password": "abcd"})
    member.open(check_share_pwd=False)
    assert member.shared_ids()


def test_the_whole_drive_can_be_shared(member, root):
    """What comes later is in it."""
    share = member.share(share_all_files=True)
    assert share["share_all_files"] is True
    (root / "later.txt").write_bytes(b"later")
    member.share_id = share["share_id"]
    member.open()
    assert member.shared_ids().keys() == {"a.txt", "目录", "later.txt"}


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"file_id_list": []}, "InvalidParameter.FileIdList"),
        ({"file_id_list": ["0" * 40] * 101}, "InvalidParameter.FileIdList"),
        ({"file_id_list": ["0" * 40]}, "NotFound.File"),
        ({"share_pwd": "x" * 65}, "InvalidParameter.SharePwd"),
        ({"share_pwd": "提取码"}, "InvalidParameter.SharePwd"),
        ({"expiration": "tomorrow"}, "InvalidParameter.Expiration"),
        ({"share_name": "x" * 129}, "InvalidParameter.ShareName"),
        ({"disable_save": "yes"}, "InvalidParameter.DisableSave"),
        ({"download_limit": -1}, "InvalidParameter.DownloadLimit"),
    ],
)
def test_a_share_that_makes_no_sense_is_refused(member, wish, code):
    """The code names the parameter."""
    body = {"drive_id": "1", "file_id_list": [member.ids()["a.txt"]]} | wish
    assert member.code("/v2/share_link/create", body)[1] == code


def test_an_update_leaves_alone_what_it_does_not_name(member):
    """A share that was cancelled can be enabled again."""
    share = member.share("a.txt", share_pwd="abcd", description="d", save_limit=3)
    told = member.ok(
        "/v2/share_link/update", {"share_id": share["share_id"], "share_name": "anders"}
    )
    assert (told["share_name"], told["share_pwd"]) == ("anders", "abcd")
    assert (told["description"], told["save_limit"]) == ("d", 3)
    where = {"share_id": share["share_id"]}
    member.ok("/v2/share_link/cancel", where)
    assert member.ok("/v2/share_link/get", where)["status"] == "disabled"
    assert member.ok("/v2/share_link/update", where | {"status": "enabled"})["status"] == "enabled"


def test_own_shares_come_in_pages_and_by_query(member):
    """The newest first; a search counts them, and cancelled ones are asked for by their status."""
    shares = [member.share("a.txt", share_name=f"name {number}") for number in range(5)]
    seen, marker = [], ""
    while True:
        page = member.ok("/v2/share_link/list", {"limit": 2, "marker": marker})
        seen += [one["share_id"] for one in page["items"]]
        marker = page["next_marker"]
        if not marker:
            break
    assert sorted(seen) == sorted(share["share_id"] for share in shares)
    member.ok("/v2/share_link/cancel", {"share_id": shares[0]["share_id"]})
    search = {"query": "status in ['disabled'] and share_name_for_fuzzy match 'name'"}
    told = member.ok("/v2/share_link/search", search | {"return_total_count": True})
    assert [one["share_name"] for one in told["items"]] == ["name 0"]
    assert told["total_count"] == 1
    never = {
        "query": "expired_time = '1970-01-01T00:00:00' and created_at >= '2020-01-01T00:00:00'"
    }
    assert len(member.ok("/v2/share_link/search", never)["items"]) == 5
    assert (
        member.code("/v2/share_link/search", {"query": "status ="})[1] == "InvalidParameter.Query"
    )
    foreign = {"creators": [member.site.publisher.user_id]}
    assert member.code("/v2/share_link/search", foreign)[0] == 403
    everything = {"include_cancelled": True}
    assert len(member.ok("/v2/share_link/list", everything)["items"]) == 5
    assert len(member.ok("/v2/share_link/list")["items"]) == 4


def test_the_list_of_shares_can_be_retired(member):
    """Then there is search only; the gateway says so without a body."""
    member.site.control("switch", {"no-share-list": True})
    answer = member.send("POST", "/v2/share_link/list", {})
    assert (answer.status, text_of(answer)) == (404, b"")
    assert answer.headers["x-ca-error-code"] == "I404NF"
    assert member.ok("/v2/share_link/search")["items"] == []


@pytest.mark.parametrize(("switch", "status", "body"), [(False, 204, None), (True, 200, {})])
def test_cancelling_answers_in_two_ways(member, switch, status, body):
    """Both are told in the vendor's pages; twice is no error."""
    member.site.control("switch", {"cancel-200": switch})
    share = member.share("a.txt")
    for _ in range(2):
        answer = member.send("POST", "/v2/share_link/cancel", {"share_id": share["share_id"]})
        assert (answer.status, value_of(answer)) == (status, body)
