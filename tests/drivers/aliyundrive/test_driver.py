"""The driver asks what the wire says and shows what comes, whatever is missing in it."""

from __future__ import annotations

import json

import msgspec
import pytest

from fsmount.drivers.aliyundrive.codes import NoDeviceSession
from fsmount.drivers.aliyundrive.driver import SPEC
from fsmount.drivers.aliyundrive.options import AliyundriveOptions
from fsmount.errors import (
    Denied,
    IsFolder,
    NotFolder,
    NotFound,
    NotSupported,
    ProtocolError,
)
from fsmount.model import Entry, EntryId, Kind, SharePass
from tests.drivers.aliyundrive.scripted import (
    DEVICE,
    FILE,
    FOLDER,
    NOW,
    SHA1,
    answered,
    item,
    opened,
    refused,
)

LIST, GET, LINK = "/adrive/v3/file/list", "/v2/file/get", "/v2/file/get_download_url"
SESSION, BATCH = "/users/v1/users/device/create_session", "/v3/batch"
CREATE_FOLDER = "/adrive/v2/file/createWithFolders"


async def test_a_page_shows_files_and_folders():
    """Sizes, times, hashes; nothing that is in the bin or still coming up."""
    items = [
        item("films", type="folder"),
        item("a.bin"),
        item("a.bin", file_id="id-2"),
        item("binned", parent_file_id="recyclebin"),
        item("half", status="uploading"),
        item("bare", size=None, content_hash=None, content_hash_name=None, updated_at=None),
    ]
    driver, service = opened({LIST: answered({"items": items, "next_marker": "m1"})})
    page = await driver.list(driver.root, None)
    assert [entry.name for entry in page.entries] == ["films", "a.bin", "a.bin", "bare"]
    assert page.next_cursor == "m1"
    folder, file, _, bare = page.entries
    assert folder == Entry(
        id=EntryId("id-films"), name="films", kind=Kind.FOLDER, mtime_ns=file.mtime_ns
    )
    assert (file.size, file.digest, file.version) == (5, f"sha1:{SHA1}", SHA1)
    assert file.mtime_ns == 1665211785396000000
    assert (bare.size, bare.digest, bare.version, bare.mtime_ns) == (None, "", "", 0)
    (call,) = service.asked(LIST)
    assert call.json["drive_id"] == "1001"
    assert (call.json["parent_file_id"], call.json["limit"], call.json["marker"]) == (
        "root",
        200,
        "",
    )


async def test_pages_are_followed_by_their_markers_and_end_with_an_empty_one():
    """A page may be short and still not be the last."""
    pages = [
        answered({"items": [item("a")], "next_marker": "m1"}),
        answered({"items": [], "next_marker": "m2"}),
        answered({"items": [item("b")], "next_marker": ""}),
    ]
    driver, service = opened({LIST: pages})
    cursors, cursor = [], None
    while True:
        page = await driver.list(FOLDER, cursor)
        cursors.append(cursor := page.next_cursor)
        if cursor is None:
            break
    assert cursors == ["m1", "m2", None]
    assert [call.json["marker"] for call in service.asked(LIST)] == ["", "m1", "m2"]


@pytest.mark.parametrize("body", [{}, {"items": None}, {"items": {}}, {"next_marker": ""}])
async def test_an_answer_without_a_list_is_no_empty_folder(body):
    """A mirror would delete its copy."""
    driver, _ = opened({LIST: answered(body)})
    with pytest.raises(ProtocolError):
        await driver.list(driver.root, None)


async def test_an_empty_folder_is_asked_about_by_itself():
    """It may be gone, or in the bin: whether listing such a one is refused is not known."""
    driver, service = opened(
        {
            LIST: answered({"items": [], "next_marker": ""}),
            GET: [
                answered(item("films", type="folder")),
                answered(item("films", type="folder", parent_file_id="recyclebin")),
                refused("NotFound.File", status=404),
            ],
        }
    )
    assert (await driver.list(FOLDER, None)).entries == []
    for _ in range(2):
        with pytest.raises(NotFound):
            await driver.list(FOLDER, None)
    assert (await driver.list(driver.root, None)).entries == []
    assert len(service.asked(GET)) == 3


async def test_a_marker_that_leads_to_itself_is_an_error():
    """A listing without an end would be one without entries that are gone."""
    driver, _ = opened({LIST: answered({"items": [], "next_marker": "m1"})})
    with pytest.raises(ProtocolError):
        await driver.list(FOLDER, "m1")


@pytest.mark.logs("left_out=3")
async def test_a_bad_row_costs_itself():
    """Not the folder; the log says how many and why."""
    rows = [item("a"), {"name": "no id"}, 7, item("b", type="alias"), item("c")]
    driver, _ = opened({LIST: answered({"items": rows, "next_marker": None})})
    page = await driver.list(driver.root, None)
    assert [entry.name for entry in page.entries] == ["a", "c"]
    assert page.skipped == 3


@pytest.mark.parametrize(
    ("options", "drive_id"),
    [
        ({}, "1001"),
        ({"drive": "resource"}, "1002"),
        ({"drive": "backup"}, "1001"),
        ({"root": "https://www.alipan.com/drive/file/resource"}, "1002"),
    ],
)
async def test_the_drive_is_the_chosen_one(options, drive_id):
    """Asked for once, however many calls follow."""
    driver, service = opened({LIST: answered({"items": [], "next_marker": ""})}, **options)
    await driver.list(driver.root, None)
    await driver.list(driver.root, None)
    assert {call.json["drive_id"] for call in service.asked(LIST)} == {drive_id}
    assert len(service.asked("/v2/user/get")) == 1


async def test_a_drive_that_the_account_lacks_is_denied_in_words():
    """Not an empty folder."""
    user = answered({"user_id": "u", "default_drive_id": "1", "resource_drive_id": None})
    driver, _ = opened({"/v2/user/get": user}, drive="resource")
    with pytest.raises(Denied, match="no resource drive"):
        await driver.list(driver.root, None)


async def test_every_call_is_signed_by_the_device():
    """And carries the canary without which answers miss fields."""
    driver, service = opened({LIST: answered({"items": []})})
    await driver.list(driver.root, None)
    for call in service.calls:
        assert call.headers["Authorization"] == "Bearer access-1"
        assert call.headers["x-device-id"] == DEVICE.id
        assert call.headers["x-signature"] == DEVICE.signature()
        assert call.headers["x-canary"]


@pytest.mark.parametrize(
    "refusal",
    [
        refused("DeviceSessionSignatureInvalid"),
        refused("UserDeviceOffline", status=401),
        refused("UserDeviceIllegality", status=403),
        refused("BadRequest", message="not found device info"),
    ],
)
async def test_a_lost_device_session_is_made_anew(refusal):
    """Once; the call is asked again, and the token is left alone."""
    driver, service = opened(
        {
            LINK: [refusal, answered({"url": "https://x/"})],
            SESSION: answered({"result": True, "success": True, "code": None}),
        }
    )
    assert (await driver.link(FILE)).url == "https://x/"
    (made,) = service.asked(SESSION)
    assert made.json["pubKey"] == DEVICE.public_key


async def test_a_session_that_does_not_help_is_not_made_again_and_again():
    """The second refusal stands."""
    driver, service = opened(
        {LINK: refused("DeviceSessionSignatureInvalid"), SESSION: answered({"result": True})}
    )
    with pytest.raises(NoDeviceSession):
        await driver.link(FILE)
    assert len(service.asked(SESSION)) == 1


async def test_too_many_devices_are_told_in_words():
    """Only a person can remove one."""
    driver, _ = opened(
        {
            LINK: refused("DeviceSessionSignatureInvalid"),
            SESSION: answered({"result": False, "success": True}),
        }
    )
    with pytest.raises(Denied, match="as many devices"):
        await driver.link(FILE)


async def test_stat_shows_what_is_there_now():
    """A file that was moved to the bin is still answered for, and is not found all the same."""
    driver, _ = opened(
        {GET: [answered(item("b.bin", size=6)), answered(item("b", parent_file_id="recyclebin"))]}
    )
    assert (await driver.stat(FILE)).size == 6
    with pytest.raises(NotFound):
        await driver.stat(FILE)


async def test_a_drives_root_needs_no_question_and_another_root_has_no_name():
    """It is what it always is; the folder's own name is not the mount's."""
    driver, service = opened({})
    assert await driver.stat(driver.root) == driver.root
    assert service.calls == []
    driver, _ = opened({GET: answered(item("films", type="folder", file_id="f1"))}, root="f1")
    assert (await driver.stat(driver.root)).name == ""


async def test_a_link_of_a_file_in_the_bin_is_not_found():
    """As the provider says it."""
    driver, _ = opened({LINK: refused("ForbiddenFileInTheRecycleBin", status=403)})
    with pytest.raises(NotFound):
        await driver.link(FILE)


async def test_files_and_folders_are_not_mistaken():
    """Without asking."""
    driver, service = opened({})
    for wrong in (driver.list(FILE, None), driver.folder_size(FILE)):
        with pytest.raises(NotFolder):
            await wrong
    for wrong in (driver.link(FOLDER), driver.thumbnail(FOLDER)):
        with pytest.raises(IsFolder):
            await wrong
    assert service.calls == []


async def test_space_folder_sizes_and_thumbnails():
    """What the provider counts, in our words."""
    driver, _ = opened(
        {
            "/v2/databox/get_personal_info": answered(
                {"personal_space_info": {"used_size": 7, "total_size": 100}}
            ),
            "/adrive/v1/file/get_folder_size_info": answered(
                {"size": 12, "folder_count": 2, "file_count": 3}
            ),
            GET: [
                answered(item("a", thumbnail=f"https://x/t?x-oss-expires={int(NOW) + 60}")),
                answered(item("a", thumbnail=None)),
            ],
        }
    )
    space = await driver.space()
    assert (space.used, space.total) == (7, 100)
    size = await driver.folder_size(FOLDER)
    assert (size.size, size.files, size.folders) == (12, 3, 2)
    link = await driver.thumbnail(FILE)
    assert (link.lifetime_s, link.headers["Referer"]) == (60, "https://www.aliyundrive.com/")
    with pytest.raises(NotSupported):
        await driver.thumbnail(FILE)


@pytest.mark.parametrize("body", [{}, {"personal_space_info": {}}, [], "x"])
async def test_a_space_that_is_none_is_a_protocol_error(body):
    """Not an empty drive."""
    driver, _ = opened({"/v2/databox/get_personal_info": answered(body)})
    with pytest.raises(ProtocolError):
        await driver.space()


# --- own shares -----------------------------------------------------------------------------------

SHARE = {
    "share_id": "JuRzzkQVF1z",
    "share_name": "films",
    "share_url": "https://www.alipan.com/s/JuRzzkQVF1z",
    "share_pwd": "abcd",
    "created_at": "2026-11-22T11:21:04.000Z",
    "expiration": "",
    "status": "enabled",
    "preview_count": 3,
}


async def test_a_share_is_made_with_code_and_end():
    """The end is counted on the provider's clock."""
    driver, service = opened({"/adrive/v2/share_link/create": answered(SHARE)})
    made = await driver.create_share([FILE, FOLDER], name="films", code="abcd", lifetime_s=86400)
    (call,) = service.asked("/adrive/v2/share_link/create")
    assert call.json["file_id_list"] == ["id-a.bin", "id-films"]
    assert call.json["expiration"] == "2026-11-23T11:21:04.000Z"
    assert (call.json["share_pwd"], call.json["share_name"]) == ("abcd", "films")
    assert (made.id, made.url, made.code, made.state) == (
        "JuRzzkQVF1z",
        "https://www.alipan.com/s/JuRzzkQVF1z",
        "abcd",
        "open",
    )
    assert (made.views, made.expires_ns) == (3, None)


@pytest.mark.parametrize("code", ["密码", "a b", "x" * 65])
async def test_a_code_that_the_provider_cannot_take_is_refused_in_words(code):
    """Before anything is asked."""
    driver, _ = opened({})
    with pytest.raises(NotSupported, match="ASCII"):
        await driver.create_share([FILE], name="", code=code, lifetime_s=None)


@pytest.mark.logs("a share is left out")
async def test_own_shares_are_listed_by_page():
    """With their states; one that cannot be understood costs itself."""
    rows = [
        SHARE,
        {**SHARE, "expired": True},
        {**SHARE, "status": "disabled"},
        {**SHARE, "status": "forbidden"},
        7,
    ]
    driver, _ = opened(
        {
            "/adrive/v3/share_link/list": [
                answered({"items": rows, "next_marker": "m1"}),
                answered({"items": [SHARE], "next_marker": ""}),
            ]
        }
    )
    first, after = await driver.own_shares(None)
    assert [share.state for share in first] == ["open", "expired", "cancelled", "forbidden"]
    rest, end = await driver.own_shares(after)
    assert (len(rest), after, end) == (1, "m1", None)


async def test_a_share_is_changed_only_where_asked():
    """What is absent stays as it is."""
    update = "/v2/share_link/update"
    driver, service = opened({update: answered(SHARE)})
    await driver.update_share("S", code="wxyz")
    await driver.update_share("S", never_expires=True)
    await driver.update_share("S", lifetime_s=3600, name="n")
    assert [call.json for call in service.asked(update)] == [
        {"share_id": "S", "share_pwd": "wxyz"},
        {"share_id": "S", "expiration": ""},
        {"share_id": "S", "share_name": "n", "expiration": "2026-11-22T12:21:04.000Z"},
    ]


@pytest.mark.parametrize("status", [200, 204])
async def test_a_share_is_cancelled_by_an_empty_answer(status):
    """Either status; one that is not there is not found."""
    path = "/adrive/v2/share_link/cancel"
    driver, _ = opened(
        {path: [answered(b"", status=status), refused("NotFound.ShareLink", status=404)]}
    )
    await driver.cancel_share("S")
    with pytest.raises(NotFound):
        await driver.cancel_share("S")


# --- saving and staging ---------------------------------------------------------------------------

PASS = SharePass(id="JuRzzkQVF1z", token="share-token")


def parts(*answers):
    """Return the answer to a batch, its parts out of order."""
    told = [
        {"id": str(number), "status": status, **({} if body is None else {"body": body})}
        for number, (status, body) in enumerate(answers)
    ]
    return answered({"responses": told[::-1]})


async def test_saving_copies_with_both_tokens():
    """Files are there at once, folders by and by."""
    save = "/adrive/v4/batch"
    driver, service = opened(
        {
            save: parts(
                (201, {"file_id": "new1"}),
                (202, {"file_id": "new2", "async_task_id": "t1"}),
                (403, {"code": "FileShareNotAllowed", "message": "no"}),
            ),
            "/v2/async_task/get": [
                answered({"state": "Running", "total_process": 10, "consumed_process": 4}),
                answered({"state": "Succeed", "total_process": 10, "consumed_process": 10}),
            ],
        }
    )
    bad = msgspec.structs.replace(FILE, id=EntryId("x"), name="blocked.mp4")
    saving = await driver.save(PASS, [FILE, FOLDER, bad], FOLDER)
    (call,) = service.asked(save)
    assert call.headers["x-share-token"] == "share-token"
    assert call.headers["Authorization"] == "Bearer access-1"
    assert "app=share" in call.headers["x-canary"]
    assert call.json["requests"][0]["body"] == {
        "share_id": PASS.id,
        "file_id": "id-a.bin",
        "auto_rename": True,
        "to_drive_id": "1001",
        "to_parent_file_id": "id-films",
    }
    assert (saving.tasks, saving.saved) == (["t1"], ["new1", "new2"])
    assert len(saving.failures) == 1
    assert "blocked.mp4" in saving.failures[0]
    saving = await driver.saving(saving)
    assert (saving.tasks, saving.done, saving.total) == (["t1"], 4, 10)
    saving = await driver.saving(saving)
    assert (saving.tasks, saving.done) == ([], 10)


async def test_saving_nothing_raises_the_reason():
    """So that it can be acted upon."""
    full = (400, {"code": "QuotaExhausted.Drive", "message": "The resource drive has exceeded"})
    driver, _ = opened({"/adrive/v4/batch": parts(full)})
    with pytest.raises(Denied, match="full"):
        await driver.save(PASS, [FILE], FOLDER)


async def test_a_batch_that_lacks_an_answer_is_a_protocol_error():
    """What became of that part is not known."""
    driver, _ = opened({"/adrive/v4/batch": answered({"responses": []})})
    with pytest.raises(ProtocolError):
        await driver.save(PASS, [FILE], FOLDER)


async def test_staging_folders_are_made_inside_the_hidden_one():
    """Which is made, or found, once."""
    made = iter(["hidden", "run1", "run2"])
    driver, service = opened(
        {CREATE_FOLDER: lambda _: answered({"file_id": next(made), "exist": True}, status=201)}
    )
    assert (await driver.staging_folder("n1")).id == "run1"
    assert (await driver.staging_folder("n2")).id == "run2"
    asked = [
        (call.json["parent_file_id"], call.json["name"]) for call in service.asked(CREATE_FOLDER)
    ]
    assert asked == [("root", ".fsmount-staging"), ("hidden", "n1"), ("hidden", "n2")]
    assert {call.json["check_name_mode"] for call in service.asked(CREATE_FOLDER)} == {"refuse"}


async def test_staging_removes_for_good_and_does_not_mind_what_is_gone():
    """Anything else that is refused is said."""
    driver, service = opened(
        {
            BATCH: [
                parts((204, None), (404, {"code": "NotFound.File"})),
                parts((403, {"code": "ForbiddenNoPermission.File"})),
            ]
        }
    )
    await driver.staging_remove([FILE, FOLDER])
    (call,) = service.asked(BATCH)
    assert {part["url"] for part in call.json["requests"]} == {"/file/delete"}
    with pytest.raises(Denied):
        await driver.staging_remove([FILE])


def test_secrets_are_not_in_what_the_options_show():
    """A refresh token least of all."""
    options = AliyundriveOptions(refresh_token="r" * 32)
    assert "r" * 32 not in repr(options)
    assert SPEC.account(options)[0] == "https://api.alipan.com"
    assert json.dumps(SPEC.place(options)) == '"default/root"'
