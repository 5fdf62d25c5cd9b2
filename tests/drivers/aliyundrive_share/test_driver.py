"""A share is opened with its code, listed as nobody, and says why its files have no links."""

from __future__ import annotations

import pytest
import trio

from fsmount.account.account import Account
from fsmount.account.credentials import Credentials
from fsmount.account.governor import Governor
from fsmount.account.refresher import Refresher
from fsmount.drivers.aliyundrive_share.driver import SPEC, parse_link
from fsmount.drivers.aliyundrive_share.options import ShareOptions, folder_of, share_of
from fsmount.errors import Denied, Gone, IsFolder, NotFound, NotSupported, UsageError
from fsmount.health import Health
from tests.drivers.aliyundrive.scripted import (
    FILE,
    FOLDER,
    NOW,
    Service,
    answered,
    item,
    refused,
)

ID, FOLDER_ID = "JuRzzkQVF1z", "63411d89fe631e9745bd4cf4830d5e2a5ee25805"
TOKEN, LIST = "/v2/share_link/get_share_token", "/adrive/v2/file/list_by_share"
GET, INFO = "/adrive/v2/file/get_by_share", "/adrive/v3/share_link/get_share_by_anonymous"
OPENED = answered({"share_token": "st1", "expires_in": 7200})
ABOUT = {
    "share_name": "films",
    "creator_name": "小***明",
    "creator_phone": "135***736",
    "file_count": 2,
    "file_infos": [{"type": "folder", "file_id": "x", "file_name": "films"}],
    "expiration": "",
    "has_pwd": True,
}


def opened(answers, **options):
    """Return a driver over a scripted provider as a remote has it, and the provider."""
    service = Service({TOKEN: OPENED, **answers})
    given = ShareOptions(**{"share": ID, "via": "own", **options})
    scheme = SPEC.scheme(given)
    refresher = Refresher(
        scheme=scheme,
        tokens=None,
        credentials=SPEC.credentials(given),
        send=service.send,
        clock=trio.current_time,
        wall=lambda: NOW + trio.current_time(),
    )
    account = Account(
        name="films",
        scheme=scheme,
        refresher=refresher,
        governor=Governor(None, {}, clock=trio.current_time, wall=trio.current_time),
        send=service.send,
        health=Health(remote="films"),
    )
    return SPEC.open(given, account), service


@pytest.mark.parametrize(
    ("text", "options", "shown"),
    [
        (f"https://www.alipan.com/s/{ID}", {"share": ID}, f"https://www.alipan.com/s/{ID}"),
        (f"https://www.aliyundrive.com/s/{ID}/", {"share": ID}, None),
        (f"alipan.com/s/{ID}", {"share": ID}, f"https://www.alipan.com/s/{ID}"),
        (
            f"「电影」https://www.alipan.com/s/{ID} 提取码: ab12 点击链接保存",
            {"share": ID, "share_password": "ab12"},
            f"https://www.alipan.com/s/{ID}?pwd=***",
        ),
        (f"https://www.alipan.com/s/{ID}?pwd=x9y8", {"share": ID, "share_password": "x9y8"}, None),
        (
            f"密码：Zz99\nhttps://www.aliyundrive.com/s/{ID}",
            {"share": ID, "share_password": "Zz99"},
            None,
        ),
        (
            f"https://www.alipan.com/s/{ID}/folder/{FOLDER_ID}",
            {"share": ID, "root": FOLDER_ID},
            f"https://www.alipan.com/s/{ID}/folder/{FOLDER_ID}",
        ),
    ],
)
def test_a_pasted_link_tells_share_code_and_folder(text, options, shown):
    """Also with words around it; the code is never shown."""
    match = parse_link(text)
    assert match is not None
    assert match.certain
    assert dict(match.options) == options
    assert shown is None or match.shown == shown
    assert options.get("share_password", "ab12") not in match.shown


@pytest.mark.parametrize(
    "text", ["", "films", "https://cloud.example.com/s/AbC1", "https://www.alipan.com/drive"]
)
def test_other_texts_are_not_a_share(text):
    """Nor a crash."""
    assert parse_link(text) is None


def test_a_configured_share_is_an_id_or_a_link():
    """With a folder of it; not one of another share."""
    url = f"https://www.alipan.com/s/{ID}/folder/{FOLDER_ID}"
    assert share_of(ShareOptions(share=url)) == ID
    assert folder_of(ShareOptions(share=url)) == FOLDER_ID
    assert folder_of(ShareOptions(share=ID, root=FOLDER_ID)) == FOLDER_ID
    assert folder_of(ShareOptions(share=ID, root=url)) == FOLDER_ID
    assert folder_of(ShareOptions(share=ID)) == "root"
    for wrong in (
        ShareOptions(),
        ShareOptions(share="no/share"),
        ShareOptions(share="AnotherOne1", root=url),
        ShareOptions(share=ID, root="a/b"),
    ):
        with pytest.raises(UsageError):
            SPEC.place(wrong)


async def test_a_listing_carries_the_shares_token_and_canary():
    """And nobody's login; the token is bought once."""
    driver, service = opened(
        {LIST: answered({"items": [item("a")], "next_marker": ""})}, share_password="ab12"
    )
    await driver.list(driver.root, None)
    page = await driver.list(driver.root, None)
    assert [entry.name for entry in page.entries] == ["a"]
    (bought,) = service.asked(TOKEN)
    assert bought.json == {"share_id": ID, "share_pwd": "ab12"}
    call = service.asked(LIST)[0]
    assert call.headers["x-share-token"] == "st1"
    assert "app=share" in call.headers["x-canary"]
    assert "Authorization" not in call.headers
    assert (call.json["share_id"], call.json["parent_file_id"]) == (ID, "root")


async def test_a_token_that_is_refused_is_bought_again():
    """Once; the reader does not notice."""
    tokens = [OPENED, answered({"share_token": "st2", "expires_in": 7200})]
    driver, service = opened(
        {
            TOKEN: tokens,
            LIST: [
                refused("ShareLinkTokenInvalid", status=401),
                answered({"items": [item("a")], "next_marker": ""}),
            ],
        }
    )
    assert (await driver.list(driver.root, None)).entries
    assert [call.headers["x-share-token"] for call in service.asked(LIST)] == ["st1", "st2"]


@pytest.mark.autojump
async def test_a_token_is_renewed_before_its_end():
    """Without anybody asking; the old one is never sent when it is over."""
    tokens = [answered({"share_token": f"st{n}", "expires_in": 7200}) for n in range(1, 4)]
    driver, service = opened({TOKEN: tokens, LIST: answered({"items": [item("a")]})})
    await driver.list(driver.root, None)
    async with trio.open_nursery() as nursery:
        await nursery.start(driver._account._refresher.run)
        await trio.sleep(7200 + 60)
        assert len(service.asked(TOKEN)) == 2
        await driver.list(driver.root, None)
        nursery.cancel_scope.cancel()
    assert service.asked(LIST)[-1].headers["x-share-token"] == "st2"


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("NotFound.ShareLink", 404, Gone, "no such share"),
        ("ShareLink.Cancelled", 400, Gone, "cancelled"),
        ("ShareLink.Expired", 400, Gone, "expired"),
        ("ShareLink.Forbidden", 400, Gone, "blocked"),
        ("InvalidParameter.ShareId", 400, Gone, "not the id of a share"),
        ("InvalidResource.SharePwd", 400, Denied, "password"),
    ],
)
async def test_each_end_of_a_share_has_its_sentence(code, status, kind, words, unexpected_warnings):
    """When it is opened, and from every call afterwards."""
    driver, _ = opened({TOKEN: refused(code, status=status)})
    with pytest.raises(kind, match=words):
        await driver.list(driver.root, None)
    driver, _ = opened({LIST: refused(code, status=status)})
    with pytest.raises(kind, match=words):
        await driver.list(driver.root, None)
    unexpected_warnings.records.clear()  # that the remote is gone is said in the log as well


async def test_a_wrong_code_is_told_from_a_missing_one():
    """And neither shows the code."""
    refusal = refused("InvalidResource.SharePwd")
    driver, _ = opened({TOKEN: refusal}, share_password="wr0ng")
    with pytest.raises(Denied, match="is wrong or was changed") as info:
        await driver.list(driver.root, None)
    assert "wr0ng" not in str(info.value)
    driver, _ = opened({TOKEN: refusal})
    with pytest.raises(Denied, match="wants another password") as info:
        await driver.list(driver.root, None)
    assert "share_password" in info.value.advice


async def test_a_closed_folder_is_denied_and_the_others_go_on():
    """It does not make the share look gone."""
    driver, _ = opened(
        {
            LIST: [
                refused("ForbiddenNoPermission.File", status=403),
                answered({"items": [item("a")], "next_marker": ""}),
            ]
        }
    )
    with pytest.raises(Denied):
        await driver.list(FOLDER, None)
    assert (await driver.list(driver.root, None)).entries


async def test_stat_of_what_its_owner_threw_away_is_not_found():
    """Said by a living share."""
    driver, _ = opened(
        {
            GET: [
                refused("ForbiddenFileInTheRecycleBin", status=400),
                answered(item("a", parent_file_id="recyclebin")),
            ]
        }
    )
    for _ in range(2):
        with pytest.raises(NotFound):
            await driver.stat(FILE)


async def test_a_file_has_no_link_and_says_what_works():
    """In one sentence, without asking."""
    driver, service = opened({})
    with pytest.raises(NotSupported, match="March 2024") as info:
        await driver.link(FILE)
    assert "via=REMOTE" in info.value.advice
    with pytest.raises(IsFolder):
        await driver.link(FOLDER)
    assert service.calls == []


async def test_without_an_own_drive_whoever_mounts_is_told():
    """In one sentence; the listing works all the same."""
    driver, _ = opened({LIST: answered({"items": [item("a")]})}, via="")
    assert (await driver.list(driver.root, None)).entries
    told = SPEC.notice(ShareOptions(share=ID))
    assert "March 2024" in told
    assert "via=REMOTE" in told
    assert SPEC.notice(ShareOptions(share=ID, via="own")) == ""


async def test_a_share_tells_about_itself_whatever_its_code():
    """As a stranger is told; locked means that the code is missing or wrong."""
    driver, service = opened({INFO: answered(ABOUT), TOKEN: refused("InvalidResource.SharePwd")})
    info = await driver.share_info()
    assert (info.name, info.owner, info.is_folder, info.locked) == ("films", "小***明", True, True)
    assert info.details["phone"] == "135***736"
    assert service.asked(TOKEN) == []
    driver, _ = opened(
        {INFO: answered(ABOUT), TOKEN: refused("InvalidResource.SharePwd")}, share_password="no"
    )
    assert (await driver.share_info()).locked
    driver, _ = opened({INFO: answered(ABOUT)}, share_password="ab12")
    assert not (await driver.share_info()).locked
    over = {**ABOUT, "expiration": "2026-11-22T11:00:00.000Z", "has_pwd": False}
    driver, _ = opened({INFO: answered(over)})
    assert (await driver.share_info()).expired


async def test_the_pass_of_a_share_holds_its_token():
    """For an own drive of the provider; it is not shown."""
    driver, _ = opened({}, share_password="ab12")
    given = await driver.share_pass()
    assert (given.id, given.code, given.token) == (ID, "ab12", "st1")
    assert "st1" not in repr(given)
    assert SPEC.credentials(ShareOptions(share=ID)) == Credentials(login=ID, password=ID)
