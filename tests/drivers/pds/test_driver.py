"""Reading a share and a drive: what is asked, and what is made of the answers."""

from __future__ import annotations

import pytest

from fsmount.errors import (
    Changed,
    Denied,
    Gone,
    IsFolder,
    NotFolder,
    NotFound,
    NotSupported,
    UsageError,
)
from fsmount.model import EntryId
from tests.drivers.pds.scripted import (
    SHARE,
    answered,
    drive,
    file,
    file_object,
    folder,
    listing,
    opened,
    refused,
)

LINK = answered({"url": "https://data.aliyunpds.com/x?Expires=9999999999", "content_hash": "A1F"})
FORBIDDEN = refused(403, "ForbiddenNoPermission.File")


async def test_a_folder_of_a_share_is_listed_by_name():
    """Order and size of a page are always said: the default order is by time of creation."""
    driver, script = opened(file__list=[listing(file_object("a"), marker="M2"), listing()])
    page = await driver.list(folder("f1"), None)
    assert [entry.name for entry in page.entries] == ["a"]
    await driver.list(folder("f1"), page.next_cursor)
    first, second = (call.json for call in script.calls[1:])
    assert first == {
        "share_id": SHARE,
        "parent_file_id": "f1",
        "limit": 100,
        "order_by": "name",
        "order_direction": "ASC",
    }
    assert second == {**first, "marker": "M2"}


async def test_the_root_of_a_share_is_known_by_one_word():
    """It lists what is shared, wherever that lies; a folder of it may be mounted by its id."""
    driver, script = opened(file__list=listing())
    await driver.list(driver.root, None)
    assert script.calls[-1].json["parent_file_id"] == "root"
    driver, _ = opened(options={"root": "6407"})
    assert driver.root.id == "6407"


async def test_a_drive_is_asked_for_once():
    """The user's own; neither it nor its owner changes while a login lasts."""
    driver, script = drive(file__list=listing())
    for _ in range(3):
        await driver.list(driver.root, None)
    assert script.paths == ["user/get", "file/list", "file/list", "file/list"]
    assert script.calls[1].json["drive_id"] == "101"
    assert script.calls[1].headers["Authorization"] == "Bearer AAA"


async def test_a_drive_may_be_chosen():
    """Then nobody is asked for it."""
    driver, script = drive(options={"drive_id": "202"}, file__list=listing())
    await driver.list(driver.root, None)
    assert script.paths == ["file/list"]
    assert script.calls[0].json["drive_id"] == "202"


async def test_who_has_no_drive_is_told_to_name_one():
    """An application that acts for a domain owns none."""
    driver, _ = drive(user__get=answered({"user_id": "u1", "default_drive_id": ""}))
    with pytest.raises(UsageError, match="no drive of their own; say drive_id=ID"):
        await driver.list(driver.root, None)


@pytest.mark.logs("left_out=1")
async def test_what_is_not_there_yet_or_any_more_is_not_shown():
    """And a row that cannot be understood costs itself and a line of the log."""
    driver, _ = opened(
        file__list=listing(
            file_object("a"),
            file_object("b", status="uploading"),
            file_object("c", type="?"),
            file_object("d", folder=True),
        )
    )
    page = await driver.list(driver.root, None)
    assert [entry.name for entry in page.entries] == ["a", "d"]
    assert page.skipped == 1


async def test_files_and_folders_are_not_mistaken():
    """Without asking."""
    driver, script = opened()
    with pytest.raises(NotFolder):
        await driver.list(file(), None)
    with pytest.raises(IsFolder):
        await driver.link(folder())
    assert not script.calls


async def test_an_entry_is_looked_at_again():
    """A root that has a word instead of an id is listed; it cannot be asked about."""
    driver, script = opened(file__get=answered(file_object("b")), file__list=listing())
    now = await driver.stat(file("b"))
    assert (now.name, now.digest) == ("b", "sha1:b1f")
    assert script.calls[-1].json == {"share_id": SHARE, "file_id": "id-b"}
    assert await driver.stat(driver.root) == driver.root
    assert script.calls[-1].json["limit"] == 1


async def test_a_mounted_folder_is_looked_at_by_its_id():
    """It stays the root, whatever it is called in its drive."""
    found = file_object("docs", folder=True, file_id="6407")
    driver, _ = opened(options={"root": "6407"}, file__get=answered(found))
    assert await driver.stat(driver.root) == driver.root


async def test_what_lies_in_the_bin_is_not_found():
    """Its details can still be had."""
    driver, _ = opened(file__get=answered(file_object("a", trashed=True)))
    with pytest.raises(NotFound, match="recycle bin"):
        await driver.stat(file())


async def test_a_link_is_asked_for_as_long_as_it_may_live():
    """And brings a plain URL: a reader sends neither token along."""
    driver, script = opened(options={"max_connections": 3}, file__get_download_url=LINK)
    link = await driver.link(file(digest="sha1:a1f"))
    assert script.calls[-1].json == {
        "share_id": SHARE,
        "file_id": "id-a",
        "expire_sec": 14400,
    }
    assert (dict(link.headers), link.max_connections) == ({}, 3)
    assert link.url == "https://data.aliyunpds.com/x?Expires=9999999999"


async def test_a_link_to_other_bytes_than_were_listed_is_refused():
    """They would go on where cached ones of the old version end."""
    driver, _ = opened(file__get_download_url=LINK)
    with pytest.raises(Changed, match="was overwritten"):
        await driver.link(file(digest="sha1:other"))
    await driver.link(file(digest=""))
    await driver.link(file(digest="md5:other"))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"disable_download": True}, "has switched off downloading"),
        ({"download_limit": 5, "download_count": 5}, "are used up; ask whoever shared it for more"),
        ({"download_limit": 5, "download_count": 4}, "does not permit this"),
        ({}, "does not permit this"),
    ],
)
async def test_why_a_link_is_refused_is_asked_of_the_share(told, words):
    """One code stands for missing rights, for what is switched off and for what is used up."""
    driver, _ = opened(
        file__get_download_url=FORBIDDEN, share_link__get_by_anonymous=answered(told)
    )
    with pytest.raises(Denied, match=words):
        await driver.link(file())


async def test_what_was_said_first_stands_when_the_share_does_not_answer():
    """A second failure must not hide the first."""
    driver, _ = opened(
        file__get_download_url=FORBIDDEN, share_link__get_by_anonymous=answered(b"", status=500)
    )
    with pytest.raises(Denied, match="does not permit this"):
        await driver.link(file())


async def test_of_a_drive_nobody_is_asked_why():
    """It is no share."""
    driver, script = drive(file__get_download_url=FORBIDDEN)
    with pytest.raises(Denied):
        await driver.link(file())
    assert script.paths[-1] == "file/get_download_url"


# --- what is told about it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "total", "used"),
    [
        ({"total_size": 1000, "used_size": 10}, 1000, 10),
        ({"total_size": "1000", "used_size": "2000"}, 1000, 1000),
    ],
)
async def test_a_drive_tells_its_space(told, total, used):
    """Of the drive that is mounted."""
    driver, script = drive(drive__get=answered({"drive_id": "101", **told}))
    space = await driver.space()
    assert (space.total, space.used) == (total, used)
    assert script.calls[-1].json == {"drive_id": "101"}


async def test_a_drive_without_a_limit_has_no_space_to_tell():
    """Zero of zero would look full."""
    for told in ({"total_size": 0, "used_size": 10}, {"used_size": 10}, {"total_size": 10}):
        driver, _ = drive(drive__get=answered({"drive_id": "101", **told}))
        with pytest.raises(NotSupported):
            await driver.space()


TOLD = {
    "creator_name": "张***",
    "creator_phone": "170***123",
    "avatar": "https://example.com/a.png",
    "share_name": "docs",
    "expiration": "2026-11-23T11:21:04.000Z",
    "has_pwd": False,
    "access_count": 7,
    "download_count": 2,
    "download_limit": 5,
    "disable_save": True,
    "disable_preview": True,
}


async def test_a_share_tells_about_itself():
    """Creator, masked phone, picture, end, name, limits, and what is switched off."""
    driver, script = opened(share_link__get_by_anonymous=answered(TOLD))
    info = await driver.share_info()
    assert script.paths == ["share_link/get_by_anonymous", "share_link/get_share_token"]
    assert "x-share-token" not in script.calls[0].headers
    assert (info.name, info.owner, info.views, info.downloads_left) == ("docs", "张***", 7, 3)
    assert (info.locked, info.expired, info.expires_ns) == (False, False, 1795432864 * 10**9)
    assert info.details == {
        "owner's phone": "170***123",
        "owner's picture": "https://example.com/a.png",
        "downloads": "2",
        "not allowed": "viewing, saving",
    }


@pytest.mark.parametrize(
    ("told", "opens", "locked", "details"),
    [
        ({"has_pwd": True}, None, False, {}),
        ({"has_pwd": True}, refused(400, "InvalidResource.SharePwd"), True, {}),
        # Old answers do not tell whether there is a code.
        ({}, refused(400, "InvalidResource.SharePwd"), True, {}),
        (
            {"has_pwd": False, "require_login": True},
            refused(401, "AccessTokenInvalid"),
            False,
            {
                "members only": "yes",
                "does not open": "only users of its domain may open this share",
            },
        ),
    ],
)
async def test_whether_a_share_opens_is_tried(told, opens, locked, details):
    """And why it does not."""
    answers = {} if opens is None else {"share_link__get_share_token": opens}
    driver, _ = opened(share_link__get_by_anonymous=answered(told), **answers)
    info = await driver.share_info()
    assert (info.locked, info.details) == (locked, details)


async def test_a_share_that_is_over_is_not_told_as_open():
    """It may tell its name to anybody all the same."""
    driver, _ = opened(
        share_link__get_by_anonymous=answered(TOLD),
        share_link__get_share_token=refused(400, "ShareLink.Expired"),
    )
    with pytest.raises(Gone, match="has expired"):
        await driver.share_info()


async def test_an_end_that_has_passed_is_told():
    """On the provider's clock."""
    told = {**TOLD, "expiration": "2026-11-22T11:21:03.000Z"}
    driver, _ = opened(share_link__get_by_anonymous=answered(told))
    assert (await driver.share_info()).expired
    driver, _ = opened(share_link__get_by_anonymous=refused(400, "ShareLink.Cancelled"))
    with pytest.raises(Gone):
        await driver.share_info()


async def test_a_share_is_no_drive_and_a_drive_no_share():
    """Each says so."""
    share, _ = opened()
    with pytest.raises(NotSupported, match="no capacity"):
        await share.space()
    with pytest.raises(NotSupported, match="is a share, not a drive"):
        await share.own_shares(None)
    own, _ = drive()
    with pytest.raises(NotSupported, match="is a drive, not a share"):
        await own.share_info()
    with pytest.raises(NotSupported, match="is a drive, not a share"):
        await own.share_pass()


def test_one_mount_is_told_from_another():
    """By endpoint, share and folder; never by a code."""
    driver, _ = opened(options={"share_password": "k9f2"})
    assert driver.root.id == EntryId("root")
    assert "k9f2" not in repr(driver.root)
