"""What else an own drive tells: one object, its space, sizes of folders, and saving shares."""

from __future__ import annotations

import pytest

from fsmount.drivers.p115.driver import OWN_LIMITS, SPEC
from fsmount.errors import (
    Denied,
    Gone,
    NotFolder,
    NotFound,
    NotSupported,
    ProtocolError,
    Unauthorized,
)
from fsmount.model import Entry, EntryId, Kind, SharePass
from tests.drivers.p115.scripted import (
    answered,
    file,
    folder,
    listing,
    opened,
    refused,
)

FILE = Entry(id=EntryId("13"), name="a", kind=Kind.FILE, locator="a13", size=5)
FOLDER = Entry(id=EntryId("77"), name="films", kind=Kind.FOLDER)


def info(*rows):
    return answered({"state": True, "code": 0, "message": "", "data": list(rows)})


async def test_one_object_is_told_as_its_listing_tells_it():
    """Files and folders; a size may be text here."""
    row = file("a", 13, parent=77)
    driver, site = opened(listing(row, cid="77"), info({**row, "s": "5"}), info(folder("d", 14)))
    listed = (await driver.list(FOLDER, None)).entries[0]
    assert await driver.stat(listed) == listed
    told = await driver.stat(Entry(id=EntryId("14"), name="d", kind=Kind.FOLDER))
    assert (told.id, told.is_folder) == ("14", True)
    assert site.paths[1:] == ["webapi.115.com/files/get_info"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        answered({"state": False, "code": 20018, "message": "文件不存在", "data": []}),
        info(),
        answered({"state": True, "data": None}),
    ],
)
async def test_an_object_that_is_not_there_is_not_found(answer):
    """With a code, or with nothing."""
    driver, _ = opened(answer)
    with pytest.raises(NotFound):
        await driver.stat(FILE)


@pytest.mark.parametrize("row", [file("b", 14), {"n": "x"}, folder("c", 15)])
async def test_the_details_of_another_object_are_refused(row):
    """An id is what inodes hang on."""
    driver, _ = opened(info(row))
    with pytest.raises(ProtocolError):
        await driver.stat(FILE)


async def test_the_root_tells_that_it_can_be_listed():
    """115 has no details of a drive's root."""
    driver, site = opened(listing(file("a", 1)))
    assert await driver.stat(driver.root) == driver.root
    assert site.paths == ["webapi.115.com/files"]


async def test_a_mounted_folder_that_is_gone_is_said_so():
    """115 lists the drive's root for it."""
    driver, _ = opened(listing(file("of the root", 1)), root="77")
    with pytest.raises(NotFound, match="77"):
        await driver.list(driver.root, None)


def space(total, used, remain=None):
    sizes = {
        "all_total": {"size": total},
        "all_use": {"size": used},
        "all_remain": {"size": remain},
    }
    return answered({"state": True, "error": "", "code": 0, "data": {"space_info": sizes}})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (space(100, 60), (100, 60)),
        (space(58854522108104.875, "12.5"), (58854522108105, 12)),
        (space("1.0e15", 1e3), (10**15, 1000)),
        (space(100, None, 40), (100, 60)),
    ],
)
async def test_space_is_a_number_of_any_type(answer, expected):
    """Floats with fractions included."""
    driver, _ = opened(answer)
    told = await driver.space()
    assert (told.total, told.used) == expected


@pytest.mark.parametrize("answer", [space("x", 1), space(None, None), answered({"state": True})])
async def test_space_that_is_not_told_is_an_error(answer):
    """Df shows what was told before."""
    driver, _ = opened(answer)
    with pytest.raises(ProtocolError):
        await driver.space()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.2GB", 1288490189), ("0B", 0), ("5", 5), ("1,024KB", 2**20), ("3.5 MiB", 3670016)],
)
async def test_the_size_of_a_folder_is_what_people_read(text, expected):
    """Rounded as 115 rounds it; the answer has no state at all."""
    body = {"file_category": "0", "size": text, "count": "7", "folder_count": 2, "paths": []}
    driver, _ = opened(answered(body))
    told = await driver.folder_size(FOLDER)
    assert (told.size, told.files, told.folders) == (expected, 7, 2)


@pytest.mark.parametrize("text", ["", "viel", None, "1.2.3GB"])
async def test_a_size_that_is_none_is_not_told(text):
    """Not a zero."""
    driver, _ = opened(answered({"file_category": "0", "size": text}))
    assert await driver.folder_size(FOLDER) is None


async def test_sizes_of_what_has_none_are_refused():
    """A file, a drive's root, a folder that is gone."""
    driver, _ = opened(answered({}), answered([]), answered({"file_category": 1, "size": "5"}))
    with pytest.raises(NotFolder):
        await driver.folder_size(FILE)
    with pytest.raises(NotSupported):
        await driver.folder_size(driver.root)
    with pytest.raises(NotFound):
        await driver.folder_size(FOLDER)
    with pytest.raises(NotFolder):
        await driver.folder_size(FOLDER)


# --- saving shares --------------------------------------------------------------------------------

PASS = SharePass(id="sw0abcd3fgh", code="a1b2")


async def test_shared_files_are_saved_into_a_folder():
    """Ids side by side, in one call of a family of its own."""
    driver, site = opened(answered({"state": True, "data": {}}))
    saving = await driver.save(PASS, [FILE, FOLDER], FOLDER)
    assert site.calls[0].form == {
        "share_code": PASS.id,
        "receive_code": PASS.code,
        "file_id": "13,77",
        "cid": "77",
    }
    assert (saving.done, saving.total, saving.tasks) == (2, 2, [])
    assert await driver.saving(saving) == saving
    assert driver._account.families == ["save"]


async def test_a_whole_share_is_saved_by_its_root():
    """Its root is a name of ours, which 115 does not know."""
    driver, site = opened(answered({"state": True}))
    await driver.save(PASS, [driver.root], driver.root)
    assert (site.calls[0].form["file_id"], site.calls[0].form["cid"]) == ("0", "0")


async def test_what_was_saved_before_is_saved():
    """115 says that there is no need."""
    driver, _ = opened(refused(4200045, "你已经接收过该文件"))
    assert (await driver.save(PASS, [FILE], FOLDER)).done == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (4100008, Denied),
        (4100018, Denied),
        (4100026, NotFound),
        (4200041, Denied),
        (4100030, NotSupported),
        (51011, NotSupported),
        (990001, Unauthorized),
    ],
)
async def test_a_share_that_cannot_be_saved_says_why(code, kind):
    """It is never this drive that is over."""
    driver, _ = opened(refused(code, "x"))
    with pytest.raises(kind) as info:
        await driver.save(PASS, [FILE], FOLDER)
    assert not isinstance(info.value, Gone)
    assert str(code) in info.value.message


async def test_nothing_is_saved_into_a_file():
    """Nobody is asked."""
    driver, site = opened()
    with pytest.raises(NotFolder):
        await driver.save(PASS, [FILE], FILE)
    assert site.calls == []


# --- the declaration ------------------------------------------------------------------------------


def test_no_family_may_ask_more_than_the_most_careful_clients_do():
    """Two calls a second for everything is what shipped clients allow themselves."""
    asked = sum(limit.rate_per_s or 0 for name, limit in OWN_LIMITS.items() if name != "content")
    assert all(limit.rate_per_s for name, limit in OWN_LIMITS.items() if name != "content")
    assert OWN_LIMITS["list"].rate_per_s + OWN_LIMITS["link"].rate_per_s <= 2
    assert asked < 5
    assert OWN_LIMITS["content"].concurrency <= 10


def test_listings_are_kept_for_hours():
    """A listing is the call that gets accounts shut out."""
    assert SPEC.listing_ttl_s == (21600.0, 21600.0)


def test_a_drives_address_is_no_source():
    """It needs a login, so it has a name in the configuration."""
    assert SPEC.parse_link("https://115.com/?cid=77&mode=wangpan") is None
