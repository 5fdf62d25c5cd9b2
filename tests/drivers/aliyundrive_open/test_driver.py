"""The Open API's drives: what they show, what they refuse, and that shares are none of theirs."""

from __future__ import annotations

import pytest

from fsmount.drivers.aliyundrive_open.driver import SPEC, parse_link
from fsmount.drivers.aliyundrive_open.options import OpenOptions, accept
from fsmount.errors import Denied, IsFolder, NotFolder, NotFound, NotSupported, UsageError
from fsmount.model import Token
from tests.drivers.aliyundrive.scripted import (
    FILE,
    FOLDER,
    ScriptedAccount,
    Service,
    answered,
    item,
    refused,
)

V1 = "/adrive/v1.0"
DRIVES, LIST, GET = f"{V1}/user/getDriveInfo", f"{V1}/openFile/list", f"{V1}/openFile/get"
LINK, SHARE = f"{V1}/openFile/getDownloadUrl", f"{V1}/openFile/createShare"
GRANTED = {"user_id": "u", "default_drive_id": "1", "resource_drive_id": "2"}


def opened(answers, **options):
    """Return a driver over a scripted provider, and the provider."""
    service = Service({DRIVES: answered(GRANTED), **answers})
    given = OpenOptions(**options)
    account = ScriptedAccount(SPEC.scheme(given), service, Token(access="a"))
    return SPEC.open(given, account), service


async def test_a_page_asks_for_a_hundred_and_follows_markers():
    """The documented most; no device, no signature, no canary."""
    driver, service = opened({LIST: answered({"items": [item("a")], "next_marker": "m"})})
    page = await driver.list(driver.root, None)
    assert ([entry.name for entry in page.entries], page.next_cursor) == (["a"], "m")
    (call,) = service.asked(LIST)
    assert call.json["limit"] == 100
    assert set(call.headers) == {"Authorization"}


@pytest.mark.parametrize(
    ("granted", "drive", "wanted"),
    [
        (GRANTED, "", "2"),
        ({"default_drive_id": "1"}, "", "1"),
        (GRANTED, "default", "1"),
        (GRANTED, "resource", "2"),
        ({**GRANTED, "backup_drive_id": "3"}, "backup", "3"),
    ],
)
async def test_the_drive_is_the_chosen_one_or_where_people_save(granted, drive, wanted):
    """Asked for once."""
    driver, service = opened(
        {DRIVES: answered(granted), LIST: answered({"items": []})}, drive=drive
    )
    await driver.list(driver.root, None)
    await driver.list(driver.root, None)
    assert {call.json["drive_id"] for call in service.asked(LIST)} == {wanted}
    assert len(service.asked(DRIVES)) == 1


async def test_a_drive_that_was_not_granted_is_denied_in_words():
    """Not an empty folder."""
    driver, _ = opened({}, drive="backup")
    with pytest.raises(Denied, match="backup drive was not granted"):
        await driver.list(driver.root, None)


async def test_a_link_of_all_nulls_is_denied():
    """A 200, for a blocked file."""
    nothing = dict.fromkeys(("url", "expiration", "method", "size", "content_hash"))
    driver, _ = opened({LINK: answered(nothing)})
    with pytest.raises(Denied, match="no link"):
        await driver.link(FILE)


async def test_stat_and_its_failures():
    """A file in the bin is not found, a missing one neither."""
    driver, service = opened(
        {
            GET: [
                answered(item("a", size=9)),
                answered(item("a", trashed=True)),
                refused("NotFound.FileId", status=404),
            ]
        }
    )
    assert (await driver.stat(FILE)).size == 9
    for _ in range(2):
        with pytest.raises(NotFound):
            await driver.stat(FILE)
    assert await driver.stat(driver.root) == driver.root
    assert len(service.asked(GET)) == 3


async def test_space_and_thumbnails():
    """As the web API's."""
    driver, _ = opened(
        {
            f"{V1}/user/getSpaceInfo": answered(
                {"personal_space_info": {"used_size": 1, "total_size": 2}}
            ),
            GET: [answered(item("a", thumbnail="https://x/t")), answered(item("a"))],
        }
    )
    space = await driver.space()
    assert (space.used, space.total) == (1, 2)
    assert (await driver.thumbnail(FILE)).url == "https://x/t"
    with pytest.raises(NotSupported):
        await driver.thumbnail(FILE)


async def test_files_and_folders_are_not_mistaken():
    """Without asking."""
    driver, service = opened({})
    with pytest.raises(NotFolder):
        await driver.list(FILE, None)
    with pytest.raises(IsFolder):
        await driver.link(FOLDER)
    with pytest.raises(IsFolder):
        await driver.thumbnail(FOLDER)
    assert service.calls == []


async def test_a_share_is_made():
    """Its end counted on the provider's clock; its name is the file's."""
    answer = {"share_id": "S", "share_url": "https://www.alipan.com/s/S", "share_pwd": "abcd"}
    driver, service = opened({SHARE: answered(answer)})
    made = await driver.create_share([FILE], name="", code="abcd", lifetime_s=60)
    assert (made.id, made.name, made.code) == ("S", "a.bin", "abcd")
    (call,) = service.asked(SHARE)
    assert call.json == {
        "driveId": "2",
        "fileIdList": ["id-a.bin"],
        "sharePwd": "abcd",
        "expiration": "2026-11-22T11:22:04.000Z",
    }


@pytest.mark.parametrize(
    "text",
    [
        "https://www.alipan.com/s/JuRzzkQVF1z",
        "看看 https://www.aliyundrive.com/s/JuRzzkQVF1z 提取码: ab12",
    ],
)
def test_a_share_is_refused_in_one_sentence(text):
    """Pasted, or as an option; and nobody is asked."""
    match = parse_link(text)
    assert match is not None
    assert not match.certain
    with pytest.raises(UsageError, match="cannot open shares"):
        SPEC.account(OpenOptions(**match.options))
    assert parse_link("https://cloud.example.com/s/JuRzzkQVF1z") is None


def test_a_relay_is_an_address():
    """And none is used unless it is named."""
    assert OpenOptions().relay == ""
    with pytest.raises(UsageError, match="relay"):
        accept(OpenOptions(relay="api.oplist.org"))
