"""The Aliyundrive emulator, own drives: listings, tokens, space, changes and uploads."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from tests.emulators.aliyun_asker import AUTH, REFERER, Owner, text_of
from tests.emulators.pds.uploads import proof_offset

VECTORS = json.loads(
    (Path(__file__).parents[1] / "drivers/aliyundrive/vectors.json").read_text(encoding="utf-8")
)
CONTENT = b"0123456789"


@pytest.fixture
def root(tmp_path):
    """Two folders and three files."""
    folder = tmp_path / "served"
    (folder / "目录" / "深").mkdir(parents=True)
    (folder / "a.txt").write_bytes(CONTENT)
    (folder / "空.bin").write_bytes(b"")
    (folder / "目录" / "图.png").write_bytes(b"picture")
    return folder


@pytest.fixture
def owner(root):
    """The owner of a drive over the root."""
    return Owner(root)


def test_a_listing_shows_what_the_directory_has(owner, root):
    """Names, sizes, ids and times are of the types that the service sends."""
    items = {item["name"]: item for item in owner.page()["items"]}
    assert items.keys() == {"a.txt", "空.bin", "目录"}
    file = items["a.txt"]
    assert file["size"] == len(CONTENT)
    assert file["content_hash"] == hashlib.sha1(CONTENT).hexdigest().upper()
    assert file["crc64_hash"].isdigit()
    assert file["updated_at"].endswith("Z")
    assert len(file["updated_at"]) == len("2022-10-08T06:49:45.396Z")
    assert items["目录"]["type"] == "folder"
    assert not {"size", "url", "content_hash"} & items["目录"].keys()
    assert len(items["目录"]["file_id"]) == 40
    (root / "new.txt").write_bytes(b"new")
    assert "new.txt" in owner.ids()


def test_crc64_is_that_of_the_storage(owner):
    """The check value of CRC-64/XZ, which is ECMA-182 reflected."""
    (Path(owner.site.root) / "check").write_bytes(b"123456789")
    items = {item["name"]: item for item in owner.page()["items"]}
    assert items["check"]["crc64_hash"] == str(0x995DC9BBDF1939FA)


@pytest.mark.parametrize(("count", "way"), [(10_000, "ASC"), (1_000, "DESC")])
def test_ten_thousand_entries_come_over_markers(owner, root, count, way):
    """Each once and in order, in both directions."""
    folder = root / "viele"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:05}").touch()
    parent = owner.ids()["viele"]
    names, marker = [], None
    while marker != "":
        wish = {"order_by": "name", "order_direction": way, "limit": 200, "marker": marker}
        page = owner.page(parent, **wish)
        names += [item["name"] for item in page["items"]]
        marker = page["next_marker"]
    assert names == sorted(names, reverse=way == "DESC")
    assert len(names) == count


def test_markers_outlive_changes_behind_them(owner):
    """What is deleted before the marker does not make the next page skip an entry."""
    names = [f"f{number}" for number in range(6)]
    ids = [owner.create(name)["file_id"] for name in names]
    wish = {"order_by": "name", "type": "folder", "limit": 2}
    first = owner.page(**wish)
    assert [item["name"] for item in first["items"]] == ["f0", "f1"]
    owner.ok("/v2/recyclebin/trash", {"drive_id": "1001", "file_id": ids[0]})
    second = owner.page(marker=first["next_marker"], **wish)
    assert [item["name"] for item in second["items"]] == ["f2", "f3"]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"limit": 201}, "InvalidParameter.Limit"),
        ({"limit": "100"}, "InvalidParameter.Limit"),
        ({"marker": "nonsense"}, "InvalidParameter.Marker"),
        ({"order_by": "colour"}, "InvalidParameter.OrderBy"),
        ({"order_direction": "sideways"}, "InvalidParameter.OrderDirection"),
        ({"parent_file_id": "0" * 40}, "NotFound.File"),
        ({"drive_id": "77"}, "NotFound.Drive"),
        ({"drive_id": None}, "InvalidParameter.DriveId"),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(owner, wish, code):
    """The code names the parameter."""
    body = {"drive_id": "1001", "parent_file_id": "root"} | wish
    assert owner.code("/adrive/v3/file/list", body)[1] == code


def test_a_marker_is_of_one_order_only(owner):
    """Using it with another order is refused."""
    marker = owner.page(order_by="name", limit=1)["next_marker"]
    body = {"drive_id": "1001", "parent_file_id": "root", "order_by": "size", "marker": marker}
    assert owner.code("/adrive/v3/file/list", body) == (400, "InvalidParameter.Marker")


def test_pages_may_be_shorter_than_asked_and_still_go_on(owner):
    """The switch halves them."""
    owner.site.control("switch", {"name": "short-pages"})
    page = owner.page(limit=2)
    assert len(page["items"]) == 1
    assert page["next_marker"]


def test_two_entries_of_one_folder_may_have_one_name(owner):
    """They have ids of their own, and each is found by it."""
    owner.site.control("duplicate", {"path": "a.txt"})
    twins = [item["file_id"] for item in owner.page()["items"] if item["name"] == "a.txt"]
    assert len(set(twins)) == 2
    for file_id in twins:
        assert text_of(owner.fetch(owner.link(file_id)["url"], referer=REFERER)) == CONTENT


def test_a_trashed_file_is_shown_by_get_and_has_no_link(owner):
    """It says that it is in the bin; a folder's contents go with it."""
    ids = owner.ids()
    picture = owner.ids(ids["目录"])["图.png"]
    owner.site.control("trash", {"path": "a.txt"})
    owner.site.control("trash", {"path": "目录"})
    assert owner.ids().keys() == {"空.bin"}
    told = owner.ok("/v2/file/get", {"drive_id": "1001", "file_id": ids["a.txt"]})
    assert told["parent_file_id"] == "recyclebin"
    assert told["trashed_at"] < told["gmt_expired"]
    for file_id in (ids["a.txt"], picture):
        body = {"drive_id": "1001", "file_id": file_id}
        status, value = owner.post("/v2/file/get_download_url", body)
        assert (status, value["code"]) == (400, "ForbiddenFileInTheRecycleBin")
        assert value["resultCode"] == value["code"]


def test_bare_items_have_what_nobody_can_do_without(owner):
    """A reader that needs more is found out by the switch."""
    owner.site.control("switch", {"bare-items": True, "numeric-ids": True})
    items = {item["name"]: item for item in owner.page()["items"]}
    assert items["a.txt"].keys() == {
        "drive_id",
        "file_id",
        "parent_file_id",
        "name",
        "type",
        "size",
        "updated_at",
    }
    assert items["a.txt"]["drive_id"] == 1001


def test_a_refresh_token_works_once(owner):
    """Each refresh gives another token, and the one before is dead, unless there is a grace."""
    first = owner.refresh_token
    owner.sign_in()
    body = {"refresh_token": first, "grant_type": "refresh_token"}
    assert owner.code("/v2/account/token", body, AUTH) == (400, "InvalidParameter.RefreshToken")
    owner.site.control("settings", {"refresh_grace_s": 60})
    second = owner.refresh_token
    owner.sign_in()
    assert owner.post("/token/refresh", {"refresh_token": second})[0] == 200


def test_an_access_token_lives_two_hours(owner):
    """Then 401, and a refresh helps."""
    owner.jump(7199)
    owner.page()
    owner.jump(2)
    body = {"drive_id": "1001", "parent_file_id": "root"}
    assert owner.code("/adrive/v3/file/list", body) == (401, "AccessTokenInvalid")
    owner.sign_in()
    owner.page()


def test_tokens_are_taken_in_three_spellings(owner):
    """With a space, with a tab, and bare; without any it is 401."""
    token = owner.headers.pop("authorization").partition(" ")[2]
    for text in (f"Bearer {token}", f"Bearer\t{token}", token):
        assert owner.post("/v2/user/get", authorization=text)[0] == 200
    assert owner.code("/v2/user/get") == (401, "AccessTokenInvalid")
    assert owner.code("/v2/user/get", authorization="Bearer x") == (400, "I400JD")


def test_an_open_token_is_not_taken_here(owner):
    """Nor a token of the apps by the Open API."""
    tokens = owner.site.tokens.issue(owner.site.owner, "open")
    bearer = f"Bearer {tokens['access_token']}"
    assert owner.code("/v2/user/get", authorization=bearer) == (401, "AccessTokenInvalid")
    refused = owner.code("/adrive/v1.0/user/getDriveInfo", host="openapi.alipan.com")
    assert refused == (401, "AccessTokenInvalid")


def test_hosts_have_routes_of_their_own(owner):
    """The passport host knows no files; a client that names no host finds everything."""
    assert owner.send("POST", "/v2/file/get", {}, "passport.alipan.com").status == 404
    assert owner.ok("/v2/user/get", host="user.alipan.com")["user_id"]
    assert owner.ok("/v2/user/get", host="")["created_at"] > 1_000_000_000_000


def test_space_is_told_in_three_ways(owner):
    """All three count the same."""
    space = owner.ok("/v2/databox/get_personal_info")["personal_space_info"]
    capacity = owner.ok("/adrive/v1/user/driveCapacityDetails")
    drive = owner.ok("/v2/drive/get", {"drive_id": "1001"})
    assert space["used_size"] == capacity["drive_used_size"] == drive["used_size"] == 17
    assert space["total_size"] == drive["total_size"]


def test_a_folder_is_made_with_its_parents_and_only_once(owner):
    """`refuse` tells what is there, `auto_rename` finds another name, `ignore` makes a twin."""
    first = owner.create("x/y/z", check_name_mode="refuse")
    again = owner.create("x/y/z", check_name_mode="refuse")
    assert (first["exist"], again["exist"]) == (False, True)
    assert again["file_id"] == first["file_id"]
    assert owner.create("x", check_name_mode="auto_rename")["file_name"].startswith("x_")
    assert owner.create("x", check_name_mode="ignore")["file_name"] == "x"


def test_a_name_that_is_taken_is_refused_by_rename_and_move(owner):
    """409, and the id of what has it."""
    ids = owner.ids()
    folder = owner.create("空.bin", parent_file_id=ids["目录"])
    where = {"drive_id": "1001", "file_id": ids["空.bin"]}
    rename = where | {"name": "a.txt", "check_name_mode": "refuse"}
    status, value = owner.post("/v3/file/update", rename)
    assert (status, value["code"]) == (409, "AlreadyExist.File")
    assert ids["a.txt"] in value["message"]
    move = where | {"to_drive_id": "1001", "to_parent_file_id": ids["目录"]}
    assert owner.code("/v2/file/move", move)[0] == 409
    renamed = owner.ok("/v2/file/move", move | {"new_name": "anders"})
    assert owner.ids(ids["目录"])["anders"] == renamed["file_id"]
    assert folder["file_id"] in owner.ids(ids["目录"]).values()


def test_a_folder_cannot_go_into_itself(owner):
    """Nor into what is below it."""
    ids = owner.ids()
    body = {"drive_id": "1001", "file_id": ids["目录"], "to_drive_id": "1001"}
    for target in (ids["目录"], owner.ids(ids["目录"])["深"]):
        assert owner.code("/v2/file/move", body | {"to_parent_file_id": target})[0] == 403


def test_a_batch_tells_of_each_part(owner):
    """The outer answer is 200 whatever happens inside; at most 100 parts."""
    ids = owner.ids()
    rows = [
        {"id": name, "method": "POST", "url": url, "body": {"drive_id": "1001", "file_id": file_id}}
        for name, url, file_id in (
            ("one", "/file/get", ids["a.txt"]),
            ("two", "/file/get", "0" * 40),
            ("three", "/file/delete", ids["空.bin"]),
            ("four", "/no/such", ""),
        )
    ]
    told = owner.ok("/v3/batch", {"resource": "file", "requests": rows})["responses"]
    assert [(one["id"], one["status"]) for one in told] == [
        ("one", 200),
        ("two", 404),
        ("three", 204),
        ("four", 404),
    ]
    assert "body" not in told[2]
    assert owner.code("/v3/batch", {"requests": rows * 26})[0] == 400


def test_the_recycle_bin_is_listed_restored_and_cleared(owner):
    """What is restored is where it was."""
    ids = owner.ids()
    where = {"drive_id": "1001", "file_id": ids["a.txt"]}
    assert owner.send("POST", "/v2/recyclebin/trash", where).status == 204
    folder = {"drive_id": "1001", "file_id": ids["目录"]}
    status, value = owner.post("/v2/recyclebin/trash", folder)
    assert (status, bool(value["async_task_id"])) == (202, True)
    bin_page = owner.ok("/v2/recyclebin/list", {"drive_id": "1001", "limit": 10})
    assert {item["name"] for item in bin_page["items"]} == {"a.txt", "目录"}
    assert owner.send("POST", "/v2/recyclebin/restore", where).status == 204
    assert owner.ids()["a.txt"] == ids["a.txt"]
    assert owner.post("/v2/recyclebin/clear", {"drive_id": "1001"})[0] == 202
    assert owner.ok("/v2/recyclebin/list", {"drive_id": "1001"})["items"] == []


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"hello world", b"abc"])
def test_a_rapid_upload_wants_a_proof(owner, data):
    """The bytes that the access token points at are taken, others are not."""
    _upload(owner, "first", data)
    token = owner.headers["authorization"].partition(" ")[2]
    start = proof_offset(token, len(data))
    body = {
        "drive_id": "1001",
        "parent_file_id": "root",
        "name": "again",
        "type": "file",
        "size": len(data),
        "content_hash": hashlib.sha1(data).hexdigest(),
        "content_hash_name": "sha1",
        "proof_version": "v1",
    }
    path = "/adrive/v2/file/createWithFolders"
    assert owner.code(path, body | {"proof_code": "AAAA"}) == (400, "InvalidRapidProof")
    proof = base64.b64encode(data[start : start + 8]).decode()
    assert owner.ok(path, body | {"proof_code": proof})["rapid_upload"] is True


@pytest.mark.parametrize("vector", VECTORS["proof"], ids=lambda vector: vector["file"])
def test_a_proof_begins_where_the_vectors_say(vector):
    """The first 16 digits of the token's MD5 are one unsigned number."""
    assert proof_offset(vector["access_token"], vector["size"]) == vector["offset"]


def _upload(owner, name, data):
    begun = owner.create(name, type="file", size=len(data), part_info_list=[{"part_number": 1}])
    assert owner.fetch(begun["part_info_list"][0]["upload_url"], "PUT", data).status == 200
    where = {"drive_id": "1001", "file_id": begun["file_id"], "upload_id": begun["upload_id"]}
    return owner.ok("/v2/file/complete", where)


def test_parts_come_in_order_and_once(owner):
    """A file that is not complete is not listed."""
    parts = [{"part_number": number} for number in (1, 2)]
    begun = owner.create("x.bin", type="file", size=6, part_info_list=parts)
    first, second = (part["upload_url"] for part in begun["part_info_list"])
    assert owner.fetch(second, "PUT", b"def").status == 400
    assert owner.fetch(first, "PUT", b"abc").status == 200
    assert owner.fetch(first, "PUT", b"abc").status == 409
    where = {"drive_id": "1001", "file_id": begun["file_id"], "upload_id": begun["upload_id"]}
    assert owner.code("/v2/file/complete", where) == (400, "InvalidParameter.Size")
    assert "x.bin" not in owner.ids()
    told = owner.ok("/v2/file/list_uploaded_parts", where)["uploaded_parts"]
    assert [part["part_size"] for part in told] == [3]
    owner.jump(3601)
    assert owner.fetch(second, "PUT", b"def").status == 403
    fresh = owner.ok("/v2/file/get_upload_url", where | {"part_info_list": [{"part_number": 2}]})
    assert owner.fetch(fresh["part_info_list"][0]["upload_url"], "PUT", b"def").status == 200
    owner.ok("/v2/file/complete", where)
    assert "x.bin" in owner.ids()


def test_a_known_beginning_asks_for_the_whole_hash(owner):
    """409, which is no error; a full drive is one."""
    pre_hash = hashlib.sha1(CONTENT).hexdigest()
    body = {"drive_id": "1001", "parent_file_id": "root", "name": "b", "type": "file", "size": 10}
    path = "/adrive/v2/file/createWithFolders"
    assert owner.code(path, body | {"pre_hash": pre_hash}) == (409, "PreHashMatched")
    owner.site.control("settings", {"capacity_bytes": 20})
    assert owner.code(path, body)[1] == "QuotaExhausted.Drive"
