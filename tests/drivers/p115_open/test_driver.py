"""The calls of the driver over scripted answers: pages, traps, links, space."""

from __future__ import annotations

import msgspec
import pytest

from fsmount.errors import (
    Changed,
    Denied,
    IsFolder,
    NotFolder,
    NotFound,
    NotSupported,
    ProtocolError,
)
from fsmount.model import Entry, EntryId, FolderSize, Kind, Space
from fsmount.net.client import USER_AGENT
from tests.drivers.p115_open.scripted import NOW, SHA1, answered, data, listing, opened, row

FOLDER = Entry(id=EntryId("123"), name="films", kind=Kind.FOLDER)
FILE = Entry(
    id=EntryId("7"),
    name="a.mkv",
    kind=Kind.FILE,
    locator="pcode",
    size=5,
    mtime_ns=1700000000 * 10**9,
    version=SHA1.lower(),
    digest=f"sha1:{SHA1.lower()}",
)
NAMES = [f"f{n:03}" for n in range(9)]


class Service:
    """A folder that lists itself as the service does: by number, capped, anew at each call."""

    def __init__(self, names, *, cap=1150, cid=123, **more):
        self.names = list(names)
        self.cap = cap
        self.more = {"cid": cid, **more}

    def __call__(self, call):
        """Answer a listing."""
        offset, limit = int(call.params["offset"]), int(call.params["limit"])
        shown = self.names[offset : offset + min(limit, self.cap)]
        rows = [row(name, fid=f"1{name[1:]}") for name in shown]
        return listing(rows, offset=offset, count=len(self.names), **self.more)


async def whole(driver, folder=FOLDER, *, meanwhile=lambda: None):
    """Return the pages of a folder as lists of names; something may happen after the first."""
    pages, cursor = [], None
    while True:
        page = await driver.list(folder, cursor)
        pages.append([entry.name for entry in page.entries])
        if page.next_cursor is None:
            return pages
        assert page.next_cursor != cursor
        if cursor is None:
            meanwhile()
        cursor = page.next_cursor


# --- listings -------------------------------------------------------------------------------------


async def test_folders_and_the_order_are_always_asked_for():
    """Without them come the files of the whole subtree (wire: 115 §10.2)."""
    driver, provider = opened(listing([], cid=123), root="123")
    await driver.list(FOLDER, None)
    (call,) = provider.calls
    assert call.url == "https://proapi.115.com/open/ufile/files"
    assert call.headers == {"Authorization": "Bearer AAA"}
    assert call.params == {
        "cid": "123",
        "offset": "0",
        "limit": "1150",
        "show_dir": "1",
        "cur": "1",
        "custom_order": "1",
        "o": "file_name",
        "asc": "1",
    }


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 9, 10])
@pytest.mark.parametrize("cap", [2, 3, 1150])
async def test_pages_show_every_entry_once(size, cap):
    """However long they are asked for, and however short the service makes them."""
    driver, provider = opened(Service(NAMES, cap=cap), page_size=size)
    pages = await whole(driver)
    assert [name for page in pages for name in page] == NAMES
    assert all(page for page in pages)
    assert max(map(len, pages)) <= size
    assert len(provider.calls) == len(pages)


@pytest.mark.parametrize("gone", [0, 1, 2, 3])
async def test_what_moves_over_a_border_is_not_lost(gone):
    """An entry removed before the border pulls one over it: the page before is asked once more."""
    service = Service(NAMES)
    driver, _ = opened(service, page_size=4)
    pages = await whole(driver, meanwhile=lambda: service.names.pop(gone))
    shown = {name for page in pages for name in page}
    assert shown == set(NAMES)  # what was seen before it went is in it as well


async def test_what_is_added_moves_nothing_out():
    """It is seen by the next listing; the others once each."""
    service = Service(NAMES)
    driver, _ = opened(service, page_size=4)
    pages = await whole(driver, meanwhile=lambda: service.names.insert(1, "f999"))
    assert set(NAMES) <= {name for page in pages for name in page}


async def test_a_whole_page_that_went_is_not_gone_on_after():
    """Nothing is left behind the border: the listing ends with what there is."""
    service = Service(NAMES)
    driver, _ = opened(service, page_size=4)
    pages = await whole(driver, meanwhile=lambda: service.names.__delitem__(slice(0, 7)))
    assert {"f007", "f008"} <= {name for page in pages for name in page}


@pytest.mark.parametrize("cid", ["0", 0, "124"])
async def test_a_folder_that_is_none_is_not_the_root(cid):
    """The service lists the root in its place, as a success (wire: 115 §0.3)."""
    driver, _ = opened(listing([row("x")], cid=cid))
    with pytest.raises(NotFound, match="123"):
        await driver.list(FOLDER, None)


async def test_ids_of_nineteen_digits_are_exact():
    """Beyond 2**53, as numbers or text."""
    big = 9223372036854775807
    folder = msgspec.structs.replace(FOLDER, id=EntryId(str(big)))
    driver, provider = opened(listing([row("a", fid=big - 1)], cid=big))
    page = await driver.list(folder, None)
    assert page.entries[0].id == str(big - 1)
    assert provider.calls[0].params["cid"] == str(big)


@pytest.mark.parametrize(
    "answer",
    [
        listing([], cid=None),
        listing([row("x")], cid=123, offset=5),
        answered({"state": True, "cid": 123}),
        answered({"state": True, "cid": 123, "data": {}}),
        answered({"state": True, "cid": 123, "data": None}),
        listing([], cid=123, count=2),
    ],
)
async def test_a_listing_that_does_not_answer_the_question_is_an_error(answer):
    """Neither an empty folder nor somebody else's."""
    driver, _ = opened(answer)
    with pytest.raises(ProtocolError):
        await driver.list(FOLDER, None)


async def test_an_order_that_the_folder_insists_on_is_taken():
    """The refusal says which; all pages are asked in it (wire: 115 §0.4)."""
    service = Service(NAMES, order="user_utime", is_asc="0")

    def answer(call):
        if call.params["o"] != "user_utime":
            told = {"state": False, "errNo": 20130827, "order": "user_utime", "is_asc": 0}
            return answered({**told, "error": "不支持"})
        return service(call)

    driver, provider = opened(answer, page_size=5)
    assert [name for page in await whole(driver) for name in page] == NAMES
    assert [(call.params["o"], call.params["asc"]) for call in provider.calls] == [
        ("file_name", "1"),
        ("user_utime", "0"),
        ("user_utime", "0"),
    ]


async def test_an_order_that_is_quietly_another_is_kept_to():
    """The service uses the one it remembers; the next pages are asked in that."""
    driver, provider = opened(Service(NAMES, order="file_size", is_asc=0), page_size=5)
    await whole(driver)
    assert (provider.calls[1].params["o"], provider.calls[1].params["asc"]) == ("file_size", "0")


async def test_an_order_that_changes_between_pages_ends_the_listing():
    """Pages of two orders are no listing; it is begun anew by whoever asks."""
    service = Service(NAMES)
    driver, _ = opened(service, page_size=4)
    with pytest.raises(ProtocolError, match="order changed"):
        await whole(driver, meanwhile=lambda: service.more.update(order="user_utime"))


@pytest.mark.logs("left_out=2")
async def test_a_bad_row_costs_itself():
    """Its page goes on, and the next one too."""
    rows = [row("a"), {"fid": "", "fc": "1", "fn": "x"}, {"fid": "5", "fc": "9", "fn": "y"}]
    driver, provider = opened(listing(rows, cid=123, count=4), listing([], cid=123, offset=3))
    page = await driver.list(FOLDER, None)
    assert ([entry.name for entry in page.entries], page.skipped) == (["a"], 2)
    # Without a sound last row there is no anchor, and the border is where it is.
    await driver.list(FOLDER, page.next_cursor)
    assert provider.calls[1].params["offset"] == "3"


async def test_a_file_has_no_listing():
    """And none is asked for: the service would list the root."""
    driver, provider = opened()
    with pytest.raises(NotFolder):
        await driver.list(FILE, None)
    assert not provider.calls


# --- one object -----------------------------------------------------------------------------------

INFO = {
    "file_id": "7",
    "file_name": "a.mkv",
    "file_category": "1",
    "pick_code": "pcode",
    "sha1": SHA1,
    "size_byte": 5,
    "size": "5B",
    "ptime": "1600000000",
    "utime": "1700000000",
    "count": "0",
    "folder_count": 0,
    "paths": [{"file_id": "0", "file_name": "root"}],
}


async def test_stat_is_one_call():
    """It agrees with the listing."""
    driver, provider = opened(data(INFO))
    assert await driver.stat(FILE) == FILE
    assert provider.calls[0].params == {"file_id": "7"}


async def test_the_mounted_folder_keeps_its_name():
    """It is ``/`` here, whatever it is called there."""
    info = {**INFO, "file_id": 123, "file_category": 0, "file_name": "films"}
    driver, _ = opened(data(info), root="123")
    assert await driver.stat(driver.root) == Entry(
        id=EntryId("123"), name="", kind=Kind.FOLDER, mtime_ns=1700000000 * 10**9
    )


async def test_the_drives_root_is_asked_by_its_listing():
    """It has no details (wire: 115 §4.4)."""
    driver, provider = opened(listing([]))
    assert await driver.stat(driver.root) == driver.root
    assert provider.calls[0].params["limit"] == "1"


async def test_an_empty_list_in_place_of_details_is_not_found():
    """With ``state: true`` (wire: 115 §10.2)."""
    driver, _ = opened(data([]))
    with pytest.raises(NotFound):
        await driver.stat(FILE)


@pytest.mark.parametrize("told", [[1], {**INFO, "file_id": "8"}, {**INFO, "file_category": "3"}])
async def test_details_of_something_else_are_an_error(told):
    """Not the file that was asked for."""
    driver, _ = opened(data(told))
    with pytest.raises(ProtocolError):
        await driver.stat(FILE)


async def test_a_folder_tells_what_is_below_it():
    """Bytes exactly, files and folders."""
    told = {**INFO, "file_id": "123", "file_category": "0", "size_byte": "77", "count": 3}
    driver, _ = opened(data({**told, "folder_count": "2"}))
    assert await driver.folder_size(FOLDER) == FolderSize(size=77, files=3, folders=2)
    driver, _ = opened(data({**told, "size_byte": ""}))
    assert await driver.folder_size(FOLDER) is None
    with pytest.raises(NotSupported):
        await driver.folder_size(driver.root)
    with pytest.raises(NotFolder):
        await driver.folder_size(FILE)


# --- links ----------------------------------------------------------------------------------------

URL = f"https://cdnfhnfile.115cdn.net/abc/a.mkv?t={int(NOW) + 600}&c=2&f=1"


def told(url=URL, *, key="7", sha1=SHA1):
    """Return a link call's answer."""
    return data({key: {"file_name": "a.mkv", "file_size": 5, "sha1": sha1, "url": {"url": url}}})


async def test_a_link_is_asked_with_the_agent_that_it_is_read_with():
    """It works with no other (wire: 115 §0.8)."""
    for agent in ("", "mine/1"):
        driver, provider = opened(told(), user_agent=agent)
        link = await driver.link(FILE)
        assert provider.calls[0].form == {"pick_code": "pcode"}
        assert provider.calls[0].headers["User-Agent"] == (agent or USER_AGENT)
        assert link.headers == {"User-Agent": agent or USER_AGENT}
        assert (link.url, link.lifetime_s, link.max_connections) == (URL, 600, 2)


async def test_the_link_of_a_copy_may_be_under_another_id():
    """The only one is it."""
    driver, _ = opened(told(key="999"))
    assert (await driver.link(FILE)).url == URL


@pytest.mark.parametrize("answer", [data([]), data({})])
async def test_no_link_at_all_is_a_file_that_is_not_there(answer):
    """So the service says that it was deleted (wire: 115 §5.1)."""
    driver, _ = opened(answer)
    with pytest.raises(NotFound):
        await driver.link(FILE)


async def test_a_link_that_is_false_is_refused():
    """The file is there."""
    driver, _ = opened(data({"7": {"file_name": "a.mkv", "file_size": "5", "url": False}}))
    with pytest.raises(Denied):
        await driver.link(FILE)


async def test_several_links_without_ours_are_an_error():
    """Bytes of another file are worse than none."""
    one = {"url": {"url": URL}}
    driver, _ = opened(data({"1": one, "2": one}))
    with pytest.raises(ProtocolError):
        await driver.link(FILE)


async def test_a_link_to_other_bytes_is_a_change():
    """Those of the listed hash would be mixed with them."""
    driver, _ = opened(told(sha1="0" * 40))
    with pytest.raises(Changed):
        await driver.link(FILE)


async def test_what_has_no_link_is_not_asked_for():
    """Asking for links of what is not there is said to raise an account's risk (wire: 115 §5.1)."""
    driver, provider = opened()
    with pytest.raises(IsFolder):
        await driver.link(FOLDER)
    with pytest.raises(NotSupported, match="pick code"):
        await driver.link(msgspec.structs.replace(FILE, locator=""))
    assert not provider.calls


# --- space ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ({"all_total": 100, "all_use": 40, "all_remain": 60}, (100, 40)),
        ({"all_total": "58854522108104.875", "all_use": 1.5}, (58854522108105, 2)),
        ({"all_total": 1e15, "all_remain": "1"}, (10**15, 10**15 - 1)),
        ({"all_total": 10, "all_use": 12}, (10, 10)),
    ],
)
async def test_space_comes_in_any_spelling(space, expected):
    """Floats, text (wire: 115 §0.1)."""
    sizes = {name: {"size": size, "size_format": "x"} for name, size in space.items()}
    driver, _ = opened(data({"user_id": 1, "rt_space_info": sizes}))
    assert await driver.space() == Space(total=expected[0], used=expected[1])


@pytest.mark.parametrize("space", [None, {}, {"all_total": {"size": ""}}])
async def test_no_space_is_not_no_space_left(space):
    """An error, not a full disk."""
    driver, _ = opened(data({"user_id": 1, "rt_space_info": space}))
    with pytest.raises(ProtocolError):
        await driver.space()
