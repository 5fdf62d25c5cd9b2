"""Folders are listed whole: pages, orders, echoes, dialects, and rows of every kind."""

from __future__ import annotations

import json

import pytest

from fsmount.drivers.p115 import api
from fsmount.drivers.p115.api import DIALECTS, Order, Position
from fsmount.drivers.p115.entries import ROOT_ID
from fsmount.errors import NotFolder, NotFound, NotSupported, ProtocolError, ProviderFault
from fsmount.model import Entry, EntryId, Kind
from tests.drivers.p115.scripted import answered, file, folder, listing, opened, refused, wall

BIG = 2912345678901234567
"""An id of 19 digits, beyond 2**53 and exact."""

INSIDE = Entry(id=EntryId("77"), name="films", kind=Kind.FOLDER)


async def walked(driver, at):
    """Return all entries of a folder, and how many pages they came in."""
    found, cursor, pages = [], None, 0
    while True:
        page = await driver.list(at, cursor)
        pages += 1
        found += page.entries
        cursor = page.next_cursor
        if cursor is None:
            return found, pages


async def test_files_and_folders_are_told_by_fid():
    """The id of a folder is its cid, that of a file its fid; whatever else they say."""
    driver, _ = opened(listing(folder("b", 12), file("a", 13)))
    page = await driver.list(driver.root, None)
    assert [(each.id, each.name, each.kind) for each in page.entries] == [
        ("12", "b", Kind.FOLDER),
        ("13", "a", Kind.FILE),
    ]
    assert page.next_cursor is None
    assert page.entries[1].locator == "a13"
    assert page.entries[1].digest == "sha1:" + "a" * 40
    assert page.entries[1].size == 5
    assert page.entries[1].mtime_ns == 1_700_000_001 * 10**9


async def test_ids_of_19_digits_stay_exact_as_text_and_as_number():
    """As float they would name another file."""
    driver, _ = opened(listing(file("a", BIG), {**file("b", 1), "fid": BIG + 2}))
    page = await driver.list(driver.root, None)
    assert [each.id for each in page.entries] == [str(BIG), str(BIG + 2)]


@pytest.mark.logs("left_out=1")
async def test_an_id_that_came_as_a_float_is_no_id():
    """It has lost its last digits."""
    row = json.dumps(file("a", 1)).replace('"fid": "1"', '"fid": 2.912345678901235e18')
    body = listing(file("b", 2)).body.replace(b'"data": [', b'"data": [' + row.encode() + b",")
    driver, _ = opened(answered(body))
    page = await driver.list(driver.root, None)
    assert [each.name for each in page.entries] == ["b"]
    assert page.skipped == 1


async def test_everything_that_keeps_it_a_plain_listing_goes_along():
    """Without show_dir it is all files below; without custom_order the remembered order counts."""
    driver, site = opened(listing(cid="77"))
    await driver.list(INSIDE, None)
    params = site.calls[0].params
    assert params["cid"] == "77"
    assert (params["show_dir"], params["cur"], params["custom_order"]) == ("1", "1", "2")
    assert (params["o"], params["asc"], params["limit"]) == ("user_ptime", "1", "1150")
    assert params["record_open_time"] == "0"
    assert site.paths == ["webapi.115.com/files"]


async def test_pages_are_counted_by_what_came_not_by_what_was_asked():
    """The service cuts a limit silently."""
    rows = [file(f"{n}", 100 + n) for n in range(7)]

    def page(call):
        start = int(call.params["offset"])
        return listing(*rows[start : start + 3], offset=start, count=7, limit=3)

    driver, site = opened(page, page_size=5)
    found, pages = await walked(driver, driver.root)
    assert [each.name for each in found] == [str(n) for n in range(7)]
    assert pages == 3
    assert [call.params["offset"] for call in site.calls] == ["0", "3", "6"]


async def test_a_count_that_is_text_is_a_count():
    """The same field is a number here and a text there."""
    driver, _ = opened(listing(file("a", 1), count="2"), listing(file("b", 2), offset="1", count=2))
    assert len((await walked(driver, driver.root))[0]) == 2


async def test_an_entry_that_leaves_while_listing_does_not_hide_another():
    """What follows moves up; as many are asked again."""
    rows = [file(f"{n}", 100 + n) for n in range(6)]
    asked = []

    def page(call):
        start = int(call.params["offset"])
        asked.append(start)
        there = rows if len(asked) == 1 else [each for each in rows if each["n"] != "0"]
        return listing(*there[start : start + 2], offset=start, count=len(there))

    driver, _ = opened(page, page_size=2)
    found, _ = await walked(driver, driver.root)
    assert {each.name for each in found} == {str(n) for n in range(6)}
    assert asked == [0, 2, 1, 3]


async def test_an_entry_that_comes_while_listing_lands_at_the_end():
    """By creation, upward, nothing that is listed already moves."""
    rows = [file(f"{n}", 100 + n) for n in range(5)]

    def page(call):
        start = int(call.params["offset"])
        there = rows[:4] if start == 0 else rows
        return listing(*there[start : start + 2], offset=start, count=len(there))

    driver, _ = opened(page)
    found, pages = await walked(driver, driver.root)
    assert [each.name for each in found] == [str(n) for n in range(5)]
    assert pages == 3


async def test_in_an_order_that_moves_a_change_is_an_error():
    """By name what comes may land anywhere: the listing has to begin anew."""
    first = listing(file("a", 1), count=3, order="file_name")
    driver, _ = opened(first, listing(file("c", 3), count=4, offset=1, order="file_name"))
    page = await driver.list(driver.root, None)
    with pytest.raises(ProtocolError, match="anew"):
        await driver.list(driver.root, page.next_cursor)


async def test_a_folder_that_is_said_to_have_entries_and_sends_none_is_an_error():
    """An empty folder makes a mirror delete its copy."""
    driver, _ = opened(listing(count=3))
    with pytest.raises(ProviderFault, match="sends none"):
        await driver.list(driver.root, None)


@pytest.mark.parametrize(
    "body", [{"state": True}, {"state": True, "data": None}, {"state": True, "data": {}}, [], b"x"]
)
async def test_what_is_no_listing_is_never_an_empty_folder(body):
    """Half answers, other answers, a page for people."""
    driver, _ = opened(answered(body))
    with pytest.raises(ProtocolError):
        await driver.list(driver.root, None)


async def test_an_empty_folder_is_empty():
    """Said with a count."""
    driver, _ = opened(listing(count=0))
    page = await driver.list(driver.root, None)
    assert (page.entries, page.next_cursor) == ([], None)


@pytest.mark.parametrize("echoed", [0, "0", "55"])
async def test_a_folder_that_is_not_there_is_not_the_root(echoed):
    """An unknown, deleted or foreign cid, and a file's id, list the root with success."""
    driver, _ = opened(listing(file("of the root", 5), cid=echoed))
    with pytest.raises(NotFound, match="77"):
        await driver.list(INSIDE, None)


@pytest.mark.parametrize("echoed", ["77", 77, 77.0])
async def test_the_echoed_folder_may_be_text_or_number(echoed):
    """They are one."""
    driver, _ = opened(listing(file("a", 5), cid=echoed))
    assert len((await driver.list(INSIDE, None)).entries) == 1


async def test_an_offset_that_went_back_is_an_error():
    """Where a listing reaches no further it begins again, and would never end."""
    driver, _ = opened(listing(file("a", 1), count=2), listing(file("a", 1), count=2, offset=0))
    page = await driver.list(driver.root, None)
    with pytest.raises(ProtocolError, match="beginning"):
        await driver.list(driver.root, page.next_cursor)


# --- orders ---------------------------------------------------------------------------------------


async def test_20130827_is_asked_again_in_the_order_that_it_names():
    """The answer carries the only order that the folder can be listed in."""
    refusal = {"state": False, "errNo": 20130827, "error": "", "order": "file_name", "is_asc": "0"}
    driver, site = opened(
        answered(refusal),
        listing(file("b", 2), count=2, order="file_name", asc=0),
        listing(file("a", 1), count=2, offset=1, order="file_name", asc=0),
    )
    found, _ = await walked(driver, driver.root)
    assert [each.name for each in found] == ["b", "a"]
    assert [(c.params["o"], c.params["asc"]) for c in site.calls] == [
        ("user_ptime", "1"),
        ("file_name", "0"),
        ("file_name", "0"),
    ]


async def test_20130827_twice_is_an_error_not_a_loop():
    """Whatever it says then."""
    refusal = {"state": False, "errNo": 20130827, "error": "", "order": "file_name", "is_asc": "0"}
    driver, site = opened(lambda call: answered(refusal))
    with pytest.raises(ProtocolError):
        await driver.list(driver.root, None)
    assert len(site.calls) == 2


async def test_an_order_that_is_given_instead_is_kept_to():
    """The remembered one may come although another was asked; then all pages have to be in it."""
    driver, site = opened(
        listing(file("a", 1), count=2, order="file_size", asc=0),
        listing(file("b", 2), count=2, offset=1, order="file_size", asc=0),
    )
    found, _ = await walked(driver, driver.root)
    assert len(found) == 2
    assert (site.calls[1].params["o"], site.calls[1].params["asc"]) == ("file_size", "0")


async def test_two_orders_in_one_listing_are_an_error():
    """Offsets of one mean nothing in the other: entries would be lost without a word."""
    driver, _ = opened(
        listing(file("a", 1), count=2),
        listing(file("b", 2), count=2, offset=1, order="file_name"),
    )
    page = await driver.list(driver.root, None)
    with pytest.raises(ProtocolError, match="order"):
        await driver.list(driver.root, page.next_cursor)


# --- dialects -------------------------------------------------------------------------------------


def app_row(name, ident, **more):
    """Return a row of the app's listing."""
    row = {"fid": str(ident), "pid": "0", "fc": "1", "fn": name, "fs": 5, "sha1": "A" * 40}
    return {**row, "pc": f"a{ident}", "upt": 1700000001, "uppt": 1600000000, **more}


async def test_a_listing_that_is_gone_is_asked_elsewhere():
    """Hosts and calls move; the next one is asked, and the entries are the same."""
    gone = refused(980006, "404 Not Found")
    web = listing(folder("b", 12), file("a", 13))
    app = listing(app_row("b", 12, fc="0", fs=0, sha1=""), app_row("a", 13), order="file_name")
    driver, _ = opened(web)
    first = (await driver.list(driver.root, None)).entries
    driver, site = opened(gone, gone, app)
    second = (await driver.list(driver.root, None)).entries
    assert [each.id for each in first] == [each.id for each in second]
    assert first[1] == second[1]
    assert site.paths == [
        "webapi.115.com/files",
        "aps.115.com/natsort/files.php",
        "proapi.115.com/alipaymini/2.0/ufile/files",
    ]


async def test_a_block_is_not_an_occasion_to_ask_elsewhere():
    """Each touch prolongs it."""
    driver, site = opened(lambda call: wall())
    with pytest.raises(Exception, match="firewall"):
        await driver.list(driver.root, None)
    assert len(site.calls) == 1


async def test_a_listing_can_be_chosen():
    """By someone whom 115 has shut out of the other one."""
    driver, site = opened(listing(app_row("a", 13), order="file_name"), listing="app")
    await driver.list(driver.root, None)
    assert site.paths == ["proapi.115.com/alipaymini/2.0/ufile/files"]


async def test_the_fast_listing_says_where_it_ends():
    """Beyond 1,200 entries it would begin anew."""
    driver, site = opened(listing(file("a", 1), count=1201, order="file_name"), listing="aps")
    with pytest.raises(NotSupported, match="1200"):
        await driver.list(driver.root, None)
    assert site.calls[0].params["limit"] == "1200"


async def test_all_listings_gone_is_the_first_ones_word():
    """It is the one that people know."""
    driver, site = opened(lambda call: answered(b"<html>", status=404))
    with pytest.raises(NotSupported, match="404"):
        await driver.list(driver.root, None)
    assert len(site.calls) == 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_position_survives_as_a_cursor(dialect):
    """It is kept on disk between two runs."""
    position = Position(dialect, 1150, 5000, Order("file_name", ascending=False))
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize(
    "cursor", [None, "", "web", "nonsense:1:2:x:1", "web:1:2:x:7", "web:-1:2:x:1"]
)
def test_a_cursor_that_says_nothing_is_the_beginning(cursor):
    """A listing that begins anew is complete; one that fails for ever is not."""
    assert Position.parse(cursor) is None


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.logs("left_out=1")
@pytest.mark.parametrize(
    "row",
    [
        None,
        7,
        "x",
        [],
        {},
        {"n": "no id"},
        {"n": "itself", "cid": "0"},
        {"fid": "x1", "cid": "0", "n": "no number"},
        {"fid": True, "cid": "0", "n": "a flag"},
        {"fid": "5", "cid": "0", "n": None},
        {"fid": "5", "cid": "0", "n": ["a"]},
    ],
)
async def test_a_row_that_is_no_entry_costs_itself(row):
    """Said in the log; the others are there."""
    driver, _ = opened(listing(row, file("good", 5)))
    page = await driver.list(driver.root, None)
    assert ([each.name for each in page.entries], page.skipped) == (["good"], 1)


@pytest.mark.logs("left_out=1")
async def test_a_file_that_lost_its_id_is_not_a_folder_in_itself():
    """Without fid it looks like a folder whose id is its parent's: a walk would never end."""
    row = file("lost", 5, parent=77)
    del row["fid"]
    driver, _ = opened(listing(row, cid="77"))
    assert (await driver.list(INSIDE, None)).entries == []


@pytest.mark.logs("left_out=1")
async def test_a_lone_surrogate_costs_its_entry():
    """Not the folder."""
    body = listing(file("good", 5), file("bad", 6)).body.replace(b'"bad"', b'"\\ud800"')
    driver, _ = opened(answered(body))
    assert [each.name for each in (await driver.list(driver.root, None)).entries] == ["good"]


async def test_what_lies_in_the_bin_is_not_in_the_folder():
    """Aid 7, 12 and 120; no aid at all is the drive."""
    rows = [file(f"{aid}", 10 + n, aid=aid) for n, aid in enumerate([7, "12", 120, 1, "1"])]
    plain = file("none", 20)
    del plain["aid"]
    driver, _ = opened(listing(*rows, plain))
    names = [each.name for each in (await driver.list(driver.root, None)).entries]
    assert names == ["1", "1", "none"]


async def test_equal_names_of_files_and_folders_are_entries_of_their_own():
    """115 allows them; the tree tells them apart."""
    driver, _ = opened(listing(folder("x", 1), folder("x", 2), file("x", 3), file("x", 4)))
    page = await driver.list(driver.root, None)
    assert [each.id for each in page.entries] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "name", ["你好 🎉.mkv", 'a"<>b', "a/b", " ", "", "100% real", "e\u0301", "x" * 255]
)
async def test_names_are_taken_as_they_are(name):
    """What no Linux folder can hold is the tree's to spell."""
    driver, _ = opened(listing(file(name, 1)))
    assert (await driver.list(driver.root, None)).entries[0].name == name


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"te": "1700000001", "tu": "5", "t": "6"}, 1700000001),
        ({"te": "0", "tu": 1700000002}, 1700000002),
        ({"te": "", "t": "1700000003"}, 1700000003),
        ({"te": None, "t": "2023-11-15 06:13"}, 1700000000 - 20),
        ({"te": None, "t": "nonsense"}, 0),
        ({"te": -5, "t": "2023-13-45 99:99"}, 0),
        ({"te": 1e300, "t": None}, 0),
        ({"te": True, "t": None}, 0),
    ],
)
async def test_times_are_unix_seconds_or_a_clock_in_beijing(row, expected):
    """Of a file's two spellings only the one in words has a zone, UTC+8."""
    driver, _ = opened(listing({**file("a", 1), "te": None, **row}))
    entry = (await driver.list(driver.root, None)).entries[0]
    assert entry.mtime_ns == expected * 10**9


@pytest.mark.parametrize(
    ("size", "expected"), [(5, 5), ("5", 5), (5.0, 5), ("", None), (-1, None), (None, None)]
)
async def test_sizes_come_in_every_type(size, expected):
    """One that cannot be told is unknown, not 0."""
    driver, _ = opened(listing(file("a", 1, size=size)))
    assert (await driver.list(driver.root, None)).entries[0].size == expected


@pytest.mark.parametrize("sha", ["", None, "zz", 7, "A" * 39])
async def test_what_is_no_sha1_is_no_digest(sha):
    """Blocks of two files must never be one."""
    driver, _ = opened(listing(file("a", 1, sha=sha)))
    entry = (await driver.list(driver.root, None)).entries[0]
    assert (entry.digest, entry.version) == ("", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a[\x0234]b", 'a"b'),
        ("[\x0260][\x0262]", "<>"),
        ("[\x029999999]", "[\x029999999]"),
        ("[\x0255296]", "[\x0255296]"),
        ("a[34]", "a[34]"),
    ],
)
async def test_escaped_characters_are_put_back(name, expected):
    """Some names hold them; what is no character stays."""
    driver, _ = opened(listing(file(name, 1)))
    assert (await driver.list(driver.root, None)).entries[0].name == expected


async def test_a_file_cannot_be_listed():
    """Nobody is asked: 115 would list the root."""
    driver, site = opened()
    with pytest.raises(NotFolder):
        await driver.list(Entry(id=EntryId("5"), name="f", kind=Kind.FILE), None)
    assert site.calls == []


async def test_a_mounted_folder_is_listed_by_its_cid():
    """From the address bar as well; its own id stays the root's."""
    driver, site = opened(
        listing(file("a", 5), cid=str(BIG)),
        root=f"https://115.com/?cid={BIG}&offset=0&mode=wangpan",
    )
    assert driver.root.id == ROOT_ID
    await driver.list(driver.root, None)
    assert site.calls[0].params["cid"] == str(BIG)


async def test_50000_entries_come_in_44_pages():
    """Full pages are the fewest calls, and fewer calls are fewer blocks."""

    def page(call):
        start, limit = int(call.params["offset"]), int(call.params["limit"])
        stop = min(start + limit, 50_000)
        rows = [file(f"{n}", n + 1) for n in range(start, stop)]
        return listing(*rows, offset=start, count=50_000)

    driver, _ = opened(page)
    found, pages = await walked(driver, driver.root)
    assert len({each.id for each in found}) == 50_000
    assert pages == 44


def test_an_order_is_told_whatever_type_its_direction_has():
    """is_asc is 1, "1" or true."""
    for asc in (1, "1", True):
        answer = listing(file("a", 1), asc=asc)
        page = api.read_list(answer, "0", Position.first("web"))
        assert page.next is None
