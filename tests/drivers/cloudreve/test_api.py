"""Pages and links are read as servers send them, defects included."""

from __future__ import annotations

import base64
import json

import pytest

from fsmount.drivers.cloudreve import api
from fsmount.drivers.cloudreve.api import Position
from fsmount.drivers.cloudreve.options import Site
from fsmount.errors import ProtocolError
from tests.drivers.cloudreve.scripted import NOW, SITE, data, file_object, recorded

PLACE = Site.parse(SITE)
FIRST = Position()


def token(**fields):
    return base64.b64encode(json.dumps(fields).encode()).decode()


def page(*files, asked=FIRST, pagination=None, **more):
    return api.read_list(
        data({"files": list(files), "pagination": pagination or {"is_cursor": True}, **more}), asked
    )


@pytest.mark.parametrize(
    ("position", "more"),
    [
        (FIRST, {}),
        (Position(token="T="), {"next_page_token": "T="}),
        (Position(page=3), {"page": "3"}),
    ],
)
def test_size_order_and_direction_always_go_along(position, more):
    """What is left out comes from whatever request came last, of any user (wire §6.2.3)."""
    call = api.list_call(PLACE, "cloudreve://my/a%20b", page_size=5, position=position)
    assert call.url == f"{SITE}/api/v4/file"
    assert call.params == {
        "uri": "cloudreve://my/a%20b",
        "page_size": "5",
        "order_by": "name",
        "order_direction": "asc",
        **more,
    }


@pytest.mark.parametrize("position", [Position(token="T:="), Position(page=7)])
def test_a_position_survives_as_a_cursor(position):
    """It is kept on disk between two runs."""
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize("cursor", [None, "", "nonsense", "page:x", "page:", "token:"])
def test_a_cursor_that_says_nothing_is_the_first_page(cursor):
    """A listing that begins anew is complete; one that fails for ever is not."""
    assert Position.parse(cursor) == FIRST


def test_a_recorded_page_is_read():
    """Folders first; the parent beside them; a page without a token is the last."""
    found = api.read_list(recorded("list_root"), FIRST)
    assert [file.name for file in found.files][-2:] == ["unicode", "empty.txt"]
    assert [file.is_folder for file in found.files] == [True] * 7 + [False]
    assert found.parent.primary_entity == "EkH2"
    assert (found.next, found.shorter, found.single, found.faults) == (None, None, False, [])


def test_a_single_file_share_is_one_page():
    """No cursor, no total and a page size of 0 (wire §11)."""
    found = api.read_list(recorded("share_list_file"), FIRST)
    assert [file.name for file in found.files] == ["hello.txt"]
    assert found.single
    assert found.next is None


def test_pages_by_number_go_on_until_the_total():
    """Where the administrator switched cursors off (wire §6.1)."""
    found = api.read_list(recorded("list_many_offset_mode_page0"), FIRST)
    assert found.next == Position(page=1)
    assert api.read_list(recorded("list_many_offset_mode_page30"), Position(page=30)).next is None
    assert api.read_list(recorded("list_many_offset_mode_past_end"), Position(page=31)).next is None


@pytest.mark.parametrize(
    ("count", "pagination", "following"),
    [
        (2, {"page": 0, "page_size": 2, "total_items": 5}, Position(page=1)),
        (2, {"page": 1, "page_size": 2, "total_items": 5}, Position(page=2)),
        (1, {"page": 2, "page_size": 2, "total_items": 5}, None),
        (2, {"page": 1, "page_size": 2, "total_items": 4}, None),
        (0, {"page": 1, "page_size": 2, "total_items": 9}, None),
        (2, {"page": "0", "page_size": "2", "total_items": "5"}, Position(page=1)),
        (2, {"page_size": 2, "total_items": 9}, Position(page=1)),
        (2, {"page": 0, "page_size": 2}, Position(page=1)),
        (1, {"page": 0, "page_size": 2}, None),
        (3, {"is_cursor": True}, None),
        (3, {"is_cursor": True, "next_token": ""}, None),
        (3, {"is_cursor": True, "next_token": None}, None),
        (3, {"is_cursor": True, "next_token": "T"}, Position(token="T")),
        (3, {"next_token": "T"}, Position(token="T")),
    ],
)
def test_the_answer_says_which_paging_is_on(count, pagination, following):
    """Token, number, or the end; in whatever types the numbers come."""
    files = [file_object(f"f{at}") for at in range(count)]
    assert page(*files, pagination=pagination).next == following


def test_a_listing_whose_paging_is_switched_begins_anew():
    """Neither kind understands the other's place; the answer's own kind goes on."""
    by_number = page(
        file_object("a"),
        asked=Position(token="T"),
        pagination={"page": 0, "page_size": 1, "total_items": 2},
    )
    assert by_number.next == Position(page=1)
    by_token = page(
        file_object("a"),
        asked=Position(page=3),
        pagination={"is_cursor": True, "next_token": "T"},
    )
    assert by_token.next == Position(token="T")


def test_a_token_that_leads_to_itself_is_an_error():
    """Or the listing would never end."""
    with pytest.raises(ProtocolError, match="does not move on"):
        page(
            file_object("a"),
            asked=Position(token="T"),
            pagination={"is_cursor": True, "next_token": "T"},
        )


def test_the_recorded_border_that_loses_files_is_seen():
    """Five folders fill the page and the token says that files come next (wire §6.2.1)."""
    assert api.read_list(recorded("list_mix_page_full_of_folders"), FIRST).shorter == 4


@pytest.mark.parametrize(
    ("kinds", "next_token", "shorter"),
    [
        ("DD", token(id="x", start_with_file=True), 1),
        ("D", token(id="x", start_with_file=True), 2),
        ("DD", token(id="x", start_with_file=True).rstrip("="), 1),
        ("DD", token(id="x"), None),
        ("DD", token(id="x", start_with_file=False), None),
        ("DF", token(id="x", start_with_file=True), None),
        ("FF", token(id="x", start_with_file=True), None),
        ("DDB", token(id="x", start_with_file=True), 2),
        ("DD", "opaque", None),
        ("DD", "!", None),
        ("DD", base64.b64encode(b"[1]").decode(), None),
        ("DD", None, None),
    ],
)
def test_only_a_border_between_folders_and_files_is_moved(kinds, next_token, shorter):
    """D a folder, F a file, B a row that cannot be read and may be either."""
    rows = [
        {"name": "bad"} if kind == "B" else file_object(f"{at}", folder=kind == "D")
        for at, kind in enumerate(kinds)
    ]
    assert page(*rows, pagination={"is_cursor": True, "next_token": next_token}).shorter == shorter


@pytest.mark.parametrize(
    "bad",
    [
        {"type": 0, "id": "x", "path": "cloudreve://my/x"},
        {"type": 0, "name": "x", "path": "cloudreve://my/x"},
        {"type": 0, "id": "x", "name": "x"},
        file_object("x", ident="") | {"id": ""},
        file_object("x", path=""),
        file_object("x", type=2),
        file_object("x", type=None),
        file_object("x", metadata=[1]),
        file_object("\ud800"),
    ],
)
def test_a_bad_entry_costs_itself(bad):
    """The neighbours stay, the page goes on, and why is kept."""
    found = page(file_object("a"), bad, file_object("b"))
    assert [file.name for file in found.files] == ["a", "b"]
    assert len(found.faults) == 1


def test_odd_types_of_good_entries_are_taken():
    """Numbers as text, null metadata, fields of other objects (wire §6.2.4)."""
    found = page(
        file_object("a", type="0", size="5", metadata=None),
        file_object("b", ident=7, folder_summary={"size": []}, extended_info=17),
        parent=None,
    )
    assert [file.name for file in found.files] == ["a", "b"]
    assert found.faults == []


@pytest.mark.parametrize("files", [None, []])
def test_an_empty_folder_is_empty(files):
    """With null or with an empty list."""
    found = api.read_list(data({"files": files, "pagination": {"is_cursor": True}}), FIRST)
    assert (list(found.files), found.next) == ([], None)


@pytest.mark.parametrize("body", [None, [], "x", {"files": "x"}, {"files": {}, "pagination": {}}])
def test_a_listing_without_a_list_is_an_error_not_an_empty_folder(body):
    """Error is not absence."""
    with pytest.raises(ProtocolError):
        api.read_list(data(body), FIRST)


def test_info_is_read():
    """One file, as the real server describes it."""
    found = api.read_info(recorded("info_file"))
    assert (found.name, found.size, found.primary_entity) == ("hello.txt", 17, "dwUm")


@pytest.mark.parametrize(
    "body", [{}, file_object("a", ident="") | {"id": ""}, file_object("a", path="")]
)
def test_info_without_its_fields_is_an_error(body):
    """Nothing is made up."""
    with pytest.raises(ProtocolError, match="the details of a file"):
        api.read_info(data(body))


def test_links_live_from_the_answers_own_date():
    """A wrong local clock does no harm."""
    found = api.read_urls(recorded("url_two"), 2)
    assert [url.partition("?")[0].rpartition("/")[2] for url in found.urls] == [
        "hello.txt",
        "data.bin",
    ]
    assert found.lifetime_s == pytest.approx(3600.424202902)
    assert api.read_urls(recorded("url_two", date=NOW + 4000), 2).lifetime_s == 0.0


@pytest.mark.parametrize("expires", [None, "", "0001-01-01T00:00:00Z", "soon"])
def test_a_link_without_an_end_has_none(expires):
    """Null, nothing, or a time that was never set."""
    found = api.read_urls(data({"urls": [{"url": "https://x"}], "expires": expires}), 1)
    assert found.lifetime_s is None


@pytest.mark.parametrize("urls", [None, [], [{"url": "a"}, {"url": "b"}]])
def test_links_that_do_not_match_the_files_are_an_error(urls):
    """A link at the wrong place would be somebody else's bytes."""
    with pytest.raises(ProtocolError, match="came for 1 files"):
        api.read_urls(data({"urls": urls}), 1)


@pytest.mark.parametrize(
    ("fresh", "skip", "more"),
    [
        (False, False, {}),
        (True, False, {"no_cache": True}),
        (False, True, {"skip_error": True}),
    ],
)
def test_a_link_call_asks_for_what_is_wanted(fresh, skip, more):
    """no_cache makes a new link, skip_error lets one file fail alone (wire §8)."""
    call = api.url_call(PLACE, ["cloudreve://my/a"], fresh=fresh, skip_error=skip)
    assert call.json == {"uris": ["cloudreve://my/a"], "download": True, **more}
