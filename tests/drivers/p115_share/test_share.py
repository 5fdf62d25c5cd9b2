"""Shares are listed, told about and read, by members and by guests."""

from __future__ import annotations

import pytest

from fsmount.drivers.p115_share.driver import SHARE_LIMITS, SPEC
from fsmount.drivers.p115_share.options import ShareOptions
from fsmount.errors import (
    Blocked,
    Changed,
    Denied,
    FsmountError,
    Gone,
    IsFolder,
    NotFolder,
    NotFound,
    NotSupported,
    ProtocolError,
    ProviderFault,
    Unauthorized,
    UsageError,
)
from fsmount.model import Entry, EntryId, Kind, SharePass
from tests.drivers.p115.scripted import (
    COOKIE,
    HEX,
    NOW,
    OBJECT,
    answered,
    opened_form,
    refused,
    sealed_answer,
    url_of,
    wall,
)
from tests.drivers.p115.scripted import opened as opened_any

SHARE = "sw0abcd3fgh"
CODE = "a1b2"
BIG = 2912345678901234567


def opened(*answers, cookie="", **options):
    """Return a driver over a scripted share, asked as a guest unless a cookie is lent."""
    given = {"share": SHARE, "receive_code": CODE, **options}
    return opened_any(*answers, driver="p115_share", cookie=cookie, **given)


def folder(name, ident, *, parent=0, **more):
    """Return a folder's row: its cid may be a number, and it has no fid."""
    return {"cid": ident, "pid": str(parent), "n": name, "s": 0, "t": "1700000000", "fc": 0, **more}


def file(name, ident, *, parent=0, **more):
    """Return a file's row: its cid is its folder, as a number."""
    row = {"fid": str(ident), "cid": parent, "n": name, "s": "5", "sha": "A" * 40, "fc": 1}
    return {**row, "t": "1700000001", "is_skip_login": 1, **more}


def snap(*rows, state=1, count=None, **more):
    """Return a page of a share."""
    about = {
        "share_title": "films",
        "share_state": state,
        "forbid_reason": "",
        "create_time": "1700000000",
        "expire_time": -1,
        "receive_count": "3",
        "file_size": "5000",
        "file_category": 0,
    }
    data = {
        "userinfo": {"user_id": "200000002", "user_name": "ann", "face": ""},
        "shareinfo": {**about, **more},
        "count": len(rows) if count is None else count,
        "list": list(rows),
        "share_state": state,
    }
    return answered({"state": True, "error": "", "errno": 0, "data": data})


FILE = Entry(id=EntryId("13"), name="a", kind=Kind.FILE, locator="0 200000002", size=5, mtime_ns=0)
INSIDE = Entry(id=EntryId("77"), name="films", kind=Kind.FOLDER, locator="0 200000002")


# --- listing --------------------------------------------------------------------------------------


async def test_a_share_is_listed_with_its_code_and_referer():
    """As the web page asks, from the host that shares moved to."""
    driver, site = opened(snap(folder("b", BIG), file("a", 13)))
    page = await driver.list(driver.root, None)
    assert [(each.id, each.name, each.is_folder) for each in page.entries] == [
        (str(BIG), "b", True),
        ("13", "a", False),
    ]
    assert page.entries[1].size == 5
    assert page.entries[1].digest == "sha1:" + "a" * 40
    assert page.entries[1].mtime_ns == 1_700_000_001 * 10**9
    assert page.folder.mtime_ns == 1_700_000_000 * 10**9
    call = site.calls[0]
    assert site.paths == ["115cdn.com/webapi/share/snap"]
    assert (call.params["share_code"], call.params["receive_code"]) == (SHARE, CODE)
    assert (call.params["cid"], call.params["limit"]) == ("0", "1150")
    assert call.headers["Referer"] == f"https://115cdn.com/s/{SHARE}?password={CODE}&"
    assert "Cookie" not in call.headers


async def test_a_lent_login_goes_along():
    """Guests are shut out far more often."""
    driver, site = opened(snap(), cookie=COOKIE)
    await driver.list(driver.root, None)
    assert site.calls[0].headers["Cookie"] == COOKIE


@pytest.mark.parametrize("state", [1, "1", 1.0, None, ""])
async def test_a_healthy_state_is_a_number_or_a_text(state):
    """That it became a number broke other clients."""
    driver, _ = opened(snap(file("a", 13), state=state))
    assert len((await driver.list(driver.root, None)).entries) == 1


async def test_a_state_that_only_the_details_tell_counts():
    """It stands in two places."""
    answer = snap(state="7")
    body = answer.body.replace(b'"share_state": "7"}}', b'"share_state": null}}')
    driver, _ = opened(answered(body))
    with pytest.raises(Gone, match="expired"):
        await driver.list(driver.root, None)


SENTENCES = {
    0: (ProviderFault, "still checking"),
    2: (Gone, "copyright"),
    3: (Gone, "blocked"),
    4: (Gone, "cancelled by its owner"),
    5: (Gone, "deleted"),
    6: (Gone, "blocked"),
    7: (Gone, "has expired"),
    8: (ProviderFault, "under review"),
    99: (ProviderFault, "does not know"),
}


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("state", SENTENCES)
async def test_each_state_has_its_own_sentence(state, text):
    """In a success with an empty list; the state is a number or a text."""
    kind, words = SENTENCES[state]
    driver, _ = opened(snap(state=str(state) if text else state, forbid_reason="链接已过期"))
    with pytest.raises(kind, match=words) as info:
        await driver.list(driver.root, None)
    assert SHARE in info.value.message
    assert "链接已过期" in info.value.message
    assert info.value.advice
    assert CODE not in str(info.value)


def test_all_sentences_differ_where_the_reasons_do():
    """Nobody has to guess."""
    from fsmount.drivers.p115_share import states

    told = [meaning.sentence for meaning in states.STATES.values()]
    assert len(set(told)) == len(told)


CODES = {
    990002: (Gone, "there is no share"),
    4100000: (Gone, "closed"),
    4100008: (Denied, "wrong"),
    4100009: (Gone, "cancelled"),
    4100010: (Gone, "cancelled"),
    4100012: (Denied, "wants a receive code"),
    4100018: (Gone, "expired"),
    4100021: (ProviderFault, "preparing"),
    4100026: (Gone, "does not exist"),
    4100033: (Gone, "removed"),
}


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("code", CODES)
async def test_each_code_has_its_own_sentence(code, text):
    """Whatever type it has; with what to do, and without the code that opens the share."""
    kind, words = CODES[code]
    driver, _ = opened(refused(str(code) if text else code, "说明"))
    with pytest.raises(kind, match=words) as info:
        await driver.list(driver.root, None)
    assert SHARE in info.value.message
    assert str(code) in info.value.message
    assert info.value.advice
    assert CODE not in str(info.value)


async def test_an_owner_may_look_at_a_share_under_review():
    """It lists for him; what it lists is shown."""
    driver, _ = opened(snap(file("a", 13), state=8), cookie=COOKIE)
    assert len((await driver.list(driver.root, None)).entries) == 1


async def test_a_share_that_is_over_is_over_whatever_it_lists():
    """An expired one with rows is expired."""
    driver, _ = opened(snap(file("a", 13), state=7))
    with pytest.raises(Gone):
        await driver.list(driver.root, None)


async def test_a_partly_flagged_share_is_listed():
    """have_vio_file says that a part of it is not there for long."""
    driver, _ = opened(snap(file("a", 13), have_vio_file=1))
    assert len((await driver.list(driver.root, None)).entries) == 1


async def test_pages_are_counted_by_what_came():
    """A page may hold fewer than were asked."""
    rows = [file(f"{n}", n + 1) for n in range(5)]

    def page(call):
        start = int(call.params["offset"])
        return snap(*rows[start : start + 2], count="5")

    driver, site = opened(page)
    found, cursor = [], None
    while True:
        part = await driver.list(driver.root, cursor)
        found += part.entries
        cursor = part.next_cursor
        if cursor is None:
            break
    assert [each.name for each in found] == list("01234")
    assert [call.params["offset"] for call in site.calls] == ["0", "2", "4"]


async def test_a_share_that_shrinks_on_the_way_loses_no_entry():
    """What follows has moved up, and is asked again."""
    driver, _ = opened(snap(file("a", 1), file("b", 2), count=4), snap(file("d", 4), count=3))
    first = await driver.list(driver.root, None)
    second = await driver.list(driver.root, first.next_cursor)
    assert second.next_cursor == "1:3"


async def test_a_folder_is_listed_by_its_cid():
    """A sub-folder may also be what is mounted."""
    driver, site = opened(snap(file("a", 13, parent=77)), root="77")
    await driver.list(driver.root, None)
    assert site.calls[0].params["cid"] == "77"
    driver, site = opened(snap(file("a", 13, parent="77")))
    await driver.list(INSIDE, None)
    assert site.calls[0].params["cid"] == "77"


async def test_the_rows_of_another_folder_are_not_taken_for_this_ones():
    """115 shows the top for a folder that is not there; nothing else gives it away."""
    driver, _ = opened(snap(file("a", 13, parent=55), folder("b", 14, parent=55)))
    with pytest.raises(NotFound, match="77"):
        await driver.list(INSIDE, None)


async def test_a_folder_that_says_it_has_entries_and_sends_none_is_an_error():
    """Not an empty one."""
    driver, _ = opened(snap(count=3))
    with pytest.raises(ProviderFault):
        await driver.list(driver.root, None)


@pytest.mark.parametrize(
    "body",
    [
        {"state": True},
        {"state": True, "data": None},
        {"state": True, "data": []},
        {"state": True, "data": {"list": {}, "count": 1}},
        {"state": True, "data": {}},
        b"x",
    ],
)
async def test_what_is_no_listing_is_never_an_empty_folder(body):
    """Half answers, other answers."""
    driver, _ = opened(answered(body))
    with pytest.raises(ProtocolError):
        await driver.list(driver.root, None)


@pytest.mark.logs("left_out=1")
@pytest.mark.parametrize(
    "row", [None, {}, {"n": "x", "fc": 1}, {"n": "x", "fc": 7, "cid": 5}, {"n": "x", "cid": 0}]
)
async def test_a_row_that_is_no_entry_costs_itself(row):
    """Said in the log."""
    driver, _ = opened(snap(row, file("good", 5)))
    page = await driver.list(driver.root, None)
    assert ([each.name for each in page.entries], page.skipped) == (["good"], 1)


async def test_fc_decides_what_is_a_folder_even_with_an_empty_fid():
    """Some answers have one."""
    driver, _ = opened(snap(folder("b", 12, fid=""), file("a", 13, fc="1")))
    page = await driver.list(driver.root, None)
    assert [each.is_folder for each in page.entries] == [True, False]


async def test_a_call_that_moved_is_asked_of_the_other_host():
    """Listing moved within a year; both have it."""
    driver, site = opened(answered(b"<html>", status=404), snap(file("a", 13)))
    assert len((await driver.list(driver.root, None)).entries) == 1
    assert site.paths == ["115cdn.com/webapi/share/snap", "webapi.115.com/share/snap"]


async def test_a_file_cannot_be_listed():
    """Nobody is asked."""
    driver, site = opened()
    with pytest.raises(NotFolder):
        await driver.list(FILE, None)
    assert site.calls == []


@pytest.mark.parametrize(
    ("answer", "after_s"),
    [(wall(), None), (answered({"margin": 40}), 40.0)],
    ids=["the firewall", "margin"],
)
async def test_a_block_of_guests_says_what_helps(answer, after_s):
    """It is for all shares from this address; with a login it is rarer."""
    driver, _ = opened(answer)
    with pytest.raises(Blocked, match="all shares") as info:
        await driver.list(driver.root, None)
    assert info.value.retry_after_s == after_s
    assert "auth=ref:" in info.value.advice


# --- one entry, the share itself ------------------------------------------------------------------


async def test_an_entry_is_looked_for_in_its_folder():
    """115 tells nothing about one alone; what is not there any more is not found."""
    driver, site = opened(snap(file("b", 12), count=2), snap(file("a", 13), count=2))
    told = await driver.stat(FILE)
    assert told.name == "a"
    assert [call.params["offset"] for call in site.calls] == ["0", "1"]
    driver, _ = opened(snap(file("b", 12)))
    with pytest.raises(NotFound):
        await driver.stat(FILE)


async def test_a_listed_entry_is_the_same_when_asked_by_itself():
    """Its folder is kept with it."""
    page = snap(file("a", 13, parent=77), folder("b", 14, parent=77))
    driver, _ = opened(page, page, page)
    for entry in (await driver.list(INSIDE, None)).entries:
        assert await driver.stat(entry) == entry


async def test_a_share_tells_about_itself_and_not_its_code():
    """Title, owner, when it was made and ends."""
    driver, site = opened(snap(file("a", 13), expire_time=1_800_000_000, receive_code=CODE))
    info = await driver.share_info()
    assert (info.name, info.owner, info.is_folder) == ("films", "ann", True)
    assert info.created_ns == 1_700_000_000 * 10**9
    assert info.expires_ns == 1_800_000_000 * 10**9
    assert info.details["saved"] == "3 times"
    assert CODE not in repr(info)
    assert site.calls[0].params["limit"] == "1"


@pytest.mark.parametrize("expires", [-1, "-1", 0, None, ""])
async def test_a_share_without_an_end_never_ends(expires):
    """-1 is forever."""
    driver, _ = opened(snap(file("a", 13), expire_time=expires))
    assert (await driver.share_info()).expires_ns is None


async def test_what_opens_a_share_is_given_to_who_saves_it():
    """Nobody is asked, and its repr shows no code."""
    driver, site = opened()
    told = await driver.share_pass()
    assert told == SharePass(id=SHARE, code=CODE)
    assert CODE not in repr(told)
    assert site.calls == []


# --- links ----------------------------------------------------------------------------------------


def linked(**data):
    """Return the answer with a link."""
    return answered({"state": True, "error": "", "errno": 0, "data": data})


SHAPES = [
    {"fid": "13", "fn": "a", "fs": "5", "url": {"url": url_of(), "client": 1, "desc": None}},
    {"fid": "13", "fs": 5, "file_url_302": url_of()},
    {"fid": "13", "file_url": url_of(), "url": ""},
    {"url": url_of()},
]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_members_link_is_plain_and_found_wherever_it_stands(shape):
    """With cookie, referer, and the sharer's number, which some find necessary."""
    driver, site = opened(linked(**shape), cookie=COOKIE)
    link = await driver.link(FILE)
    assert link.url == url_of()
    assert link.max_connections == 2
    call = site.calls[0]
    assert site.paths == ["115cdn.com/webapi/share/downurl"]
    assert call.params == {
        "share_code": SHARE,
        "receive_code": CODE,
        "file_id": "13",
        "dl": "1",
        "user_id": "200000002",
    }
    assert call.headers["Cookie"] == COOKIE
    assert link.headers == {"User-Agent": call.headers["User-Agent"]}


async def test_a_guests_link_needs_no_login():
    """Where the owner allows it."""
    driver, site = opened(linked(url={"url": url_of()}))
    assert (await driver.link(FILE)).url == url_of()
    assert site.paths == ["115cdn.com/webapi/share/skip_login_downurl"]
    assert site.calls[0].form == {"share_code": SHARE, "receive_code": CODE, "file_id": "13"}
    assert "Cookie" not in site.calls[0].headers


@pytest.mark.parametrize("code", [990001, 99, 40101032])
async def test_a_guest_who_needs_a_login_is_told_how(code):
    """Listing works without one, links may not."""
    driver, _ = opened(refused(code, "请登录"))
    with pytest.raises(Denied, match="signed-in") as info:
        await driver.link(FILE)
    assert not isinstance(info.value, Unauthorized)
    assert "fsmount login" in info.value.advice
    assert "auth=ref:" in info.value.advice


async def test_a_members_lost_login_is_the_lenders():
    """It is asked whether its cookie is alive."""
    driver, _ = opened(refused(990001, "请登录"), cookie=COOKIE)
    with pytest.raises(Unauthorized):
        await driver.link(FILE)


async def test_a_file_too_big_for_the_web_call_is_asked_encrypted():
    """Clients disagree about 200 MB; either answer works."""

    def answer(call):
        if "115cdn" in call.url:
            return refused(50028, "文件过大")
        plain, _ = opened_form(call)
        assert (plain["share_code"], plain["file_id"]) == (SHARE, "13")
        return sealed_answer(call, {"fid": "13", "url": {"url": url_of()}})

    driver, site = opened(answer, cookie=COOKIE)
    assert (await driver.link(FILE)).url == url_of()
    assert site.paths[1] == "proapi.115.com/app/share/downurl"


@pytest.mark.parametrize("data", [{"url": False}, {"url": {"url": ""}}, {"fs": -1, "url": "x"}])
async def test_a_file_that_nobody_gives_a_link_of_has_changed(data):
    """A size below zero, or false, is no link."""

    def answer(call):
        return sealed_answer(call, data) if "proapi" in call.url else linked(**data)

    driver, site = opened(answer, cookie=COOKIE)
    with pytest.raises(Changed, match='"a"'):
        await driver.link(FILE)
    assert len(site.calls) == 3


async def test_the_cookie_of_a_shared_link_is_kept_with_it():
    """And nothing else of the answer's cookies."""
    answer = linked(url={"url": url_of(f=3)})
    own = f"{HEX}={HEX}; path=/{OBJECT}/"
    driver, _ = opened(
        answered(answer.body, headers={"set-cookie": f"acw_tc=1; path=/\n{own}"}, date=NOW),
        cookie=COOKIE,
    )
    link = await driver.link(FILE)
    assert link.headers["Cookie"] == f"{HEX}={HEX}"
    assert link.lifetime_s == 900


async def test_an_old_agent_takes_the_version_of_the_newest_client():
    """50029, also for guests."""

    def answer(call):
        if "appversion" in call.url:
            return answered({"state": True, "data": {"win": {"version_code": "41.0.0"}}})
        if "115Browser/41.0.0" not in call.headers["User-Agent"]:
            return refused(50029, "版本过低")
        return linked(url={"url": url_of()})

    driver, _ = opened(answer)
    assert (await driver.link(FILE)).headers["User-Agent"].endswith("41.0.0")


async def test_a_folder_has_no_link():
    """Nobody is asked."""
    driver, site = opened()
    with pytest.raises(IsFolder):
        await driver.link(driver.root)
    assert site.calls == []


@pytest.mark.parametrize("code", [4100018, 4100009])
async def test_a_share_that_ends_says_so_from_a_link_as_well(code):
    """Its msg is under another name there."""
    driver, _ = opened(answered({"state": False, "msg": "x", "errno": code}), cookie=COOKIE)
    with pytest.raises(Gone):
        await driver.link(FILE)


# --- the declaration ------------------------------------------------------------------------------


def test_shares_are_paced_apart_from_drives():
    """One that is shut out does not stop the drive that lends its login."""
    from fsmount.drivers.p115.driver import OWN_LIMITS

    assert set(SHARE_LIMITS) & set(OWN_LIMITS) == {"auth", "content"}
    asked = [limit.rate_per_s for name, limit in SHARE_LIMITS.items() if name != "content"]
    assert all(rate and rate <= 0.5 for rate in asked)


def test_a_share_is_one_place_whatever_its_code():
    """Inodes hang on it; no code is in it."""
    given = ShareOptions(share=SHARE, receive_code=CODE)
    assert SPEC.place(given) == SPEC.place(ShareOptions(share=SHARE))
    assert CODE not in SPEC.place(given)
    assert SPEC.place(given) != SPEC.place(ShareOptions(share=SHARE, root="77"))
    assert SPEC.is_share(given)


def test_a_share_without_its_id_is_refused_before_anything_is_asked():
    """In words."""
    with pytest.raises(UsageError, match="share"):
        opened(share="")


def test_every_failure_of_a_share_is_one_of_ours():
    """And names no other class."""
    kinds = {kind for kind, _ in (*SENTENCES.values(), *CODES.values())}
    assert all(issubclass(kind, FsmountError) for kind in kinds)
    assert NotSupported not in kinds
