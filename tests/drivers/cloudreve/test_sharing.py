"""The shares of an account: made, listed page by page, changed without losing what stays, ended."""

from __future__ import annotations

import pytest

from fsmount.drivers.cloudreve import sharing
from fsmount.errors import Denied, NotFound, NotSupported, ProtocolError, ProviderFault
from fsmount.model import Entry, EntryId, Kind, Token
from tests.drivers.cloudreve.scripted import NOW, SITE, answered, data, opened, recorded, refused

TOKEN = Token(access="AAA")
DOCS = Entry(id=EntryId("d"), name="docs", kind=Kind.FOLDER, locator="cloudreve://my/docs")


def told(**more):
    """Return what an owner is told of a share."""
    return {
        "id": "abTz",
        "name": "docs",
        "visited": 2,
        "unlocked": True,
        "created_at": "2026-11-22T11:24:47Z",
        "expired": False,
        "url": f"{SITE}/s/abTz",
        "source_uri": "cloudreve://9LTb@my/docs",
        **more,
    }


async def test_a_share_is_made_with_code_and_end():
    """And looked at again, for what the link alone does not say."""
    driver, site = opened(
        recorded("share_create_password_own"),
        recorded("share_info_pw_owner_no_password"),
        token=TOKEN,
    )
    made = await driver.create_share([DOCS], name="", code="s3cret", lifetime_s=3600.4)
    create, look = site.calls
    assert (create.method, create.url) == ("PUT", f"{SITE}/api/v4/share")
    assert create.json == {
        "uri": "cloudreve://my/docs",
        "is_private": True,
        "password": "s3cret",
        "expire": 3600,
    }
    assert look.url == f"{SITE}/api/v4/share/info/6DCZ"
    # The recorded server's own site URL is not the address that we were given.
    assert (made.id, made.url, made.code) == ("6DCZ", f"{SITE}/s/6DCZ", "s3cret")


async def test_a_share_without_a_code_is_open():
    """Servers make up a password for a private share only."""
    driver, site = opened(recorded("share_create_folder"), data(told()), token=TOKEN)
    await driver.create_share([DOCS], name="", code=None, lifetime_s=None)
    assert site.calls[0].json == {"uri": "cloudreve://my/docs"}


@pytest.mark.parametrize("code", ["not alnum!", "x" * 33, "密码"])
async def test_a_code_that_servers_refuse_is_not_sent(code):
    """They would say 40001 and not why."""
    driver, site = opened(token=TOKEN)
    with pytest.raises(NotSupported, match="32 letters and digits"):
        await driver.create_share([DOCS], name="", code=code, lifetime_s=None)
    assert not site.calls


@pytest.mark.logs("left_out=1")
async def test_own_shares_come_page_by_page():
    """A bad row costs itself; what an expired one is called is said."""
    rows = [told(), told(id="b", expired=True, password="pw", url=f"{SITE}/s/b/pw"), {"name": "x"}]
    first = data({"shares": rows, "pagination": {"next_token": "MTAw", "is_cursor": True}})
    driver, site = opened(first, data({"shares": None, "pagination": {}}), token=TOKEN)
    page, cursor = await driver.own_shares(None)
    assert [(each.id, each.state, each.code, each.url) for each in page] == [
        ("abTz", "open", "", f"{SITE}/s/abTz"),
        ("b", "expired", "pw", f"{SITE}/s/b"),
    ]
    assert page[0].views == 2
    assert await driver.own_shares(cursor) == ([], None)
    assert site.calls[0].params["order_direction"] == "desc"
    assert site.calls[1].params["next_page_token"] == "MTAw"


async def test_a_list_that_does_not_move_on_is_cut_off():
    """Else it would be asked for ever."""
    page = data({"shares": [told()], "pagination": {"next_token": "MTAw"}})
    driver, _ = opened(page, page, token=TOKEN)
    _, cursor = await driver.own_shares(None)
    with pytest.raises(ProtocolError, match="does not move on"):
        await driver.own_shares(cursor)


@pytest.mark.logs("left_out=1")
async def test_the_recorded_list_is_understood():
    """Of the real server; the recording holds two rows and a note."""
    driver, _ = opened(recorded("share_list_mine"), token=TOKEN)
    page, cursor = await driver.own_shares(None)
    assert [(each.id, each.name, each.state) for each in page] == [
        ("VEcj", "trashed.txt", "expired"),
        ("d5fQ", "random300m.bin", "open"),
    ]
    assert cursor is None


ENDS = "2026-11-22T12:21:04Z"  # an hour after NOW


@pytest.mark.parametrize(
    ("before", "change", "body"),
    [
        # Everything is set anew, so what stays is sent again.
        (
            {"password": "pw", "expires": ENDS, "remain_downloads": 3, "share_view": True},
            {},
            {
                "is_private": True,
                "password": "pw",
                "expire": 3600,
                "downloads": 3,
                "share_view": True,
            },
        ),
        ({"password": "pw", "expires": ENDS}, {"code": ""}, {"expire": 3600}),
        (
            {"password": "pw", "expires": ENDS},
            {"lifetime_s": -1.0},
            {"is_private": True, "password": "pw"},
        ),
        ({}, {"code": "new1"}, {"is_private": True, "password": "new1"}),
        ({"expires": ENDS}, {"lifetime_s": 60.0}, {"expire": 60}),
    ],
)
def test_a_change_keeps_what_it_is_not_about(before, change, body):
    """A share is not opened or prolonged by a change of something else."""
    row = sharing.read_own(data(told(**before)))
    wanted = {"code": None, "lifetime_s": None, **change}
    assert sharing.edited(row, now_s=NOW, **wanted) == {"uri": "cloudreve://9LTb@my/docs", **body}


async def test_a_share_is_changed():
    """Read, set, read: three calls."""
    driver, site = opened(
        data(told()), data(f"{SITE}/s/abTz/pw12"), data(told(password="pw12")), token=TOKEN
    )
    changed = await driver.update_share("abTz", code="pw12")
    assert [call.method for call in site.calls] == ["GET", "POST", "GET"]
    assert site.calls[0].params == {"owner_extended": "true"}
    assert (changed.url, changed.code) == (f"{SITE}/s/abTz", "pw12")


@pytest.mark.parametrize(
    "answer",
    [
        refused(404, "Share not found"),
        refused(404, "Share link expired"),
        refused(40001, "Failed to parse object ID"),
        data({key: value for key, value in told().items() if key != "source_uri"}),
    ],
)
async def test_a_share_that_is_not_ours_is_not_found(answer):
    """Nor does the drive look as if it were over."""
    driver, _ = opened(answer, token=TOKEN)
    with pytest.raises(NotFound, match="there is no share abTz of yours, or it is over"):
        await driver.update_share("abTz", code="pw12")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(50001, "database is locked"), ProviderFault),
        (refused(403, "no"), Denied),
        (answered(b"<html>"), ProtocolError),
    ],
)
async def test_a_failure_is_not_taken_for_a_missing_share(answer, kind):
    """Only the server itself can say that there is none."""
    driver, _ = opened(answer, token=TOKEN)
    with pytest.raises(kind):
        await driver.cancel_share("abTz")


async def test_a_share_is_ended():
    """One call, whose answer holds nothing."""
    driver, site = opened(recorded("share_delete"), token=TOKEN)
    await driver.cancel_share("abTz")
    assert (site.calls[0].method, site.calls[0].url) == ("DELETE", f"{SITE}/api/v4/share/abTz")
