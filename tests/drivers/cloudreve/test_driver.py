"""The four calls and the abilities, over a site made of answers."""

from __future__ import annotations

import base64
import json

import pytest

from fsmount.drivers.cloudreve import api
from fsmount.drivers.cloudreve.driver import SPEC
from fsmount.drivers.cloudreve.links import rewritten
from fsmount.drivers.cloudreve.options import Site as Place
from fsmount.errors import (
    Changed,
    Denied,
    Gone,
    IsFolder,
    LinkExpired,
    NotFolder,
    NotFound,
    NotSupported,
    ProtocolError,
    ProviderFault,
    Unauthorized,
    UsageError,
)
from fsmount.model import (
    Entry,
    EntryId,
    FolderSize,
    Kind,
    Link,
    Priority,
    ShareInfo,
    Space,
    Token,
    priority,
)
from tests.drivers.cloudreve.scripted import (
    SITE,
    answered,
    data,
    file_object,
    opened,
    recorded,
    refused,
)

TOKEN = Token(access="AAA")


def file(name="a", **more):
    more = {"id": EntryId(f"id{name}"), "locator": f"cloudreve://my/{name}", "size": 5} | more
    return Entry(name=name, kind=Kind.FILE, **more)


def folder(name="docs"):
    locator = f"cloudreve://my/{name}"
    return Entry(id=EntryId(name), name=name, kind=Kind.FOLDER, locator=locator)


@pytest.fixture
def ahead_of_need():
    """Run the test as a crawl that nobody waits for."""
    token = priority.set(Priority.PREFETCH)
    yield
    priority.reset(token)


async def walked(driver, folder=None):
    """List ``folder`` to its end as the tree does: by cursor, duplicates dropped."""
    cursor, found, pages = None, {}, 0
    while True:
        page = await driver.list(folder or driver.root, cursor)
        found |= {entry.id: entry for entry in page.entries}
        pages += 1
        assert pages < 100, "the listing does not end"
        if page.next_cursor is None:
            return [entry.name for entry in found.values()]
        cursor = page.next_cursor


class Folder:
    """A folder on a server with the paging of the real one, its defect at borders included."""

    def __init__(self, folders, files, *, cursors=True, cap=2000):
        self.items = [file_object(name, folder=True) for name in sorted(folders)]
        self.items += [file_object(name) for name in sorted(files)]
        self.cursors, self.cap, self.sizes = cursors, cap, []

    def __call__(self, call):
        size = min(int(call.params["page_size"]), self.cap)
        self.sizes.append(size)
        if not self.cursors:
            number = int(call.params.get("page", "0"))
            rows = self.items[number * size : (number + 1) * size]
            pagination = {"page": number, "page_size": size, "total_items": len(self.items)}
            return data({"files": rows, "pagination": pagination})
        rest = self.items
        if (token := call.params.get("next_page_token")) is not None:
            last = json.loads(base64.b64decode(token))
            after = (last.get("start_with_file", False), last["string"])
            # The defect: the cursor is compared with files though it is a folder's name.
            rest = [each for each in rest if (each["type"] == 0, each["name"]) > after]
        rows, rest = rest[:size], rest[size:]
        pagination = {"page": 0, "page_size": size, "is_cursor": True}
        if rest:
            last = {"id": rows[-1]["id"], "string": rows[-1]["name"]}
            if rest[0]["type"] == 0:
                last["start_with_file"] = True
            pagination["next_token"] = base64.b64encode(json.dumps(last).encode()).decode()
        return data({"files": rows, "pagination": pagination})


MIX = ([f"z-dir{n}" for n in range(5)], [f"a-file{n}" for n in range(7)])


def test_the_made_up_folder_loses_files_as_the_real_one_did():
    """Five folders, page size five: the seven files never come (wire §6.2.1)."""
    site = Folder(*MIX)
    driver, _ = opened(site, page_size=5, token=TOKEN)
    first = json.loads(site(list_call(driver, 5)).body)["data"]
    token = first["pagination"]["next_token"]
    second = json.loads(site(list_call(driver, 5, token)).body)["data"]
    assert len(first["files"]) == 5
    assert second["files"] == []


def list_call(driver, size, token=None):
    position = api.Position(token=token or "")
    return api.list_call(Place.parse(SITE), driver.root.locator, page_size=size, position=position)


@pytest.mark.parametrize("cursors", [True, False])
@pytest.mark.parametrize("size", range(1, 14))
@pytest.mark.parametrize("mix", [MIX, ([], MIX[1]), (MIX[0], []), (["d"], ["a"]), ([], [])])
async def test_a_listing_is_complete_at_every_page_size(mix, size, cursors):
    """Both kinds of paging; no border between folders and files loses any."""
    driver, _ = opened(Folder(*mix, cursors=cursors), page_size=size, token=TOKEN)
    assert await walked(driver) == sorted(mix[0]) + sorted(mix[1])


async def test_a_listing_is_complete_where_the_server_caps_the_page():
    """A server that gives five per page is asked for four at its border, not for 1999."""
    site = Folder(*MIX, cap=5)
    driver, _ = opened(site, token=TOKEN)
    assert await walked(driver) == MIX[0] + MIX[1]
    assert site.sizes == [5, 4, 5, 5]


async def test_an_ordinary_folder_costs_one_call():
    """The border is only looked at where there is one."""
    driver, site = opened(recorded("list_root"), token=TOKEN)
    page = await driver.list(driver.root, None)
    assert len(page.entries) == 8
    assert page.next_cursor is None
    assert len(site.calls) == 1
    assert site.calls[0].params["page_size"] == "2000"
    assert site.calls[0].headers["Authorization"] == "Bearer AAA"


async def test_a_border_that_stays_broken_is_an_error():
    """Files lost in silence would look deleted."""
    token = base64.b64encode(b'{"start_with_file": true}').decode()

    def full_of_folders(call):
        rows = [file_object(f"d{n}", folder=True) for n in range(int(call.params["page_size"]))]
        return data({"files": rows, "pagination": {"is_cursor": True, "next_token": token}})

    driver, site = opened(full_of_folders, page_size=10, token=TOKEN)
    with pytest.raises(ProtocolError, match="loses files"):
        await driver.list(driver.root, None)
    assert [call.params["page_size"] for call in site.calls] == ["10", "9", "8", "7"]


async def test_the_listed_folder_is_described_beside_its_entries():
    """A root has no other source; its id and name are ours, its time the server's."""
    driver, _ = opened(recorded("share_list_file"), share="9EUw")
    page = await driver.list(driver.root, None)
    assert page.folder.id == driver.root.id
    assert page.folder.name == ""
    assert page.folder.mtime_ns == 1795346292139092349


@pytest.mark.logs("left_out=1")
async def test_a_bad_entry_is_counted_and_told_in_the_log():
    """It costs itself and one line."""
    answer = data({"files": [file_object("a"), {"name": "s3cret"}, file_object("b")]})
    driver, _ = opened(answer, token=TOKEN)
    page = await driver.list(driver.root, None)
    assert [entry.name for entry in page.entries] == ["a", "b"]
    assert page.skipped == 1


async def test_a_page_that_is_all_hidden_still_goes_on():
    """Hidden entries count for the paging."""
    hidden = file_object("a", size=0, metadata={"sys:upload_session_id": "s"})
    answer = data({"files": [hidden], "pagination": {"is_cursor": True, "next_token": "T"}})
    driver, _ = opened(answer, token=TOKEN)
    page = await driver.list(driver.root, None)
    assert (page.entries, page.next_cursor) == ([], "token:T")


async def test_listing_a_file_asks_nobody():
    """The server would call it missing (wire §6.4)."""
    driver, site = opened(token=TOKEN)
    with pytest.raises(NotFolder):
        await driver.list(file(), None)
    assert not site.calls


@pytest.mark.parametrize(
    ("listing", "info", "sentence"),
    [
        ("share_list_expired", "share_info_expired", "has expired"),
        ("share_list_cancelled", "share_info_cancelled", "there is no share"),
        ("share_list_bad_id", "share_info_bad_id", "is not the id of a share"),
    ],
)
async def test_a_share_that_is_over_says_why(listing, info, sentence):
    """A listing has one text for all; the share's own details know more (wire §11)."""
    driver, site = opened(recorded(listing), recorded(info), share="QdhW")
    with pytest.raises(Gone, match=sentence):
        await driver.list(driver.root, None)
    assert site.calls[1].url == f"{SITE}/api/v4/share/info/QdhW"


@pytest.mark.parametrize(
    "second", [recorded("share_info_folder"), answered(b"", status=500), refused(50001, "broken")]
)
async def test_a_share_that_does_not_say_why_keeps_the_first_answer(second):
    """What the listing said stands, whatever comes of the second question."""
    driver, _ = opened(recorded("share_list_expired"), second, share="abTz")
    with pytest.raises(Gone, match="is not there") as info:
        await driver.list(driver.root, None)
    assert info.value.__cause__ is None  # a failure that was its own cause would never be told


async def test_only_the_root_asks_why():
    """A thousand open folders of a dead share cost one call each."""
    driver, site = opened(recorded("share_list_expired"), share="abTz")
    sub = Entry(
        id=EntryId("D1"), name="sub", kind=Kind.FOLDER, locator="cloudreve://abTz@share/sub"
    )
    with pytest.raises(Gone):
        await driver.list(sub, None)
    assert len(site.calls) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [("list_missing_folder", NotFound), ("list_my_expired_access", Unauthorized)],
)
async def test_refusals_rise_as_they_are(name, kind):
    """The account or the tree acts on them, not the driver."""
    driver, site = opened(recorded(name), token=TOKEN)
    with pytest.raises(kind):
        await driver.list(driver.root, None)
    assert len(site.calls) == 1


async def test_an_entry_kept_from_another_day_is_asked_with_todays_password():
    """A persisted tree outlives the share's old password."""
    driver, site = opened(recorded("share_list_pw_right"), share="6DCZ", share_password="n&w")
    old = Entry(
        id=EntryId("D"), name="d", kind=Kind.FOLDER, locator="cloudreve://6DCZ:old@share/a%20b"
    )
    await driver.list(old, None)
    assert site.calls[0].params["uri"] == "cloudreve://6DCZ:n%26w@share/a%20b"


@pytest.mark.parametrize(
    "locator", ["cloudreve://Other:pw@share/a", "cloudreve://6DCZx@share", "cloudreve://my/6DCZ:x"]
)
async def test_other_places_are_asked_as_they_are(locator):
    """A shortcut's share has a password of its own."""
    driver, site = opened(recorded("share_list_pw_right"), share="6DCZ", share_password="new")
    await driver.list(Entry(id=EntryId("D"), name="d", kind=Kind.FOLDER, locator=locator), None)
    assert site.calls[0].params["uri"] == locator


# --- stat -----------------------------------------------------------------------------------------


async def test_stat_agrees_with_the_listing():
    """Every file of the recorded share, asked by itself, is what was listed."""
    driver, _ = opened(
        recorded("share_list_file"), recorded("share_single_file_info"), share="9EUw"
    )
    (listed,) = (await driver.list(driver.root, None)).entries
    assert await driver.stat(listed) == listed


async def test_stat_of_a_root_comes_from_its_listing():
    """Servers refuse to describe a root (wire §7)."""
    driver, site = opened(recorded("list_root"), token=TOKEN)
    found = await driver.stat(driver.root)
    assert (found.id, found.mtime_ns) == (driver.root.id, 1795346292133063561)
    assert site.calls[0].url.endswith("/api/v4/file")


async def test_stat_of_a_mounted_subfolder_keeps_the_roots_id():
    """A subfolder can be asked; here it is the root."""
    answer = data(file_object("docs", folder=True, ident="74UW"))
    driver, site = opened(answer, root="/docs", token=TOKEN)
    found = await driver.stat(driver.root)
    assert (found.id, found.name) == (driver.root.id, "")
    assert found.mtime_ns == 1795346292500000000
    assert site.calls[0].params == {"uri": "cloudreve://my/docs"}


async def test_stat_of_a_shortcut_keeps_its_name_and_id():
    """The folder that it leads to has others."""
    driver, _ = opened(recorded("share_list_folder"), token=TOKEN)
    shortcut = Entry(
        id=EntryId("S1"), name="shortcut", kind=Kind.FOLDER, locator="cloudreve://abTz@share"
    )
    found = await driver.stat(shortcut)
    assert (found.id, found.name, found.locator) == ("S1", "shortcut", shortcut.locator)


async def test_stat_behind_a_shortcut_keeps_the_chain():
    """Ids there are the chain's."""
    driver, _ = opened(data(file_object("a", ident="F1")), token=TOKEN)
    found = await driver.stat(file("a", id=EntryId("S1.abTz.F1")))
    assert found.id == "S1.abTz.F1"


async def test_stat_of_what_is_gone_is_not_found():
    """Said by a living provider."""
    driver, _ = opened(recorded("info_missing"), token=TOKEN)
    with pytest.raises(NotFound):
        await driver.stat(file())


async def test_stat_after_a_panic_is_a_fault_not_an_absence():
    """HTTP 500 with an empty body (wire §1)."""
    driver, _ = opened(recorded("info_folder_summary_cached"), token=TOKEN)
    with pytest.raises(ProviderFault):
        await driver.stat(file())


# --- links ----------------------------------------------------------------------------------------


async def test_a_link_lives_as_long_as_it_was_promised():
    """Url, life, and as many connections as configured."""
    driver, site = opened(recorded("url_download"), token=TOKEN, max_connections=3)
    link = await driver.link(file("docs/hello.txt"))
    assert link.url.startswith(f"{SITE}/api/v4/file/content/dwUm/0/hello.txt?")
    assert link.lifetime_s == pytest.approx(3600.411361764)
    assert link.max_connections == 3
    assert site.calls[0].json == {"uris": ["cloudreve://my/docs/hello.txt"], "download": True}


async def test_a_fresh_link_is_not_the_cached_one():
    """A refused link would come again (wire §8)."""
    driver, site = opened(recorded("url_no_cache"), token=TOKEN)
    await driver.link(file(), fresh=True)
    assert site.calls[0].json["no_cache"] is True


async def test_the_link_of_a_single_file_share_is_asked_when_it_is_wanted():
    """The mark of the locator is ours and is not sent."""
    driver, site = opened(recorded("share_url_single_file"), share="9EUw")
    await driver.link(file("hello.txt", locator="cloudreve://9EUw@share/hello.txt#single"))
    assert site.calls[0].json["uris"] == ["cloudreve://9EUw@share/hello.txt"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (recorded("url_missing"), NotFound),
        (recorded("file_url_expired_access"), Unauthorized),
        (data({"urls": [{"url": ""}]}), ProtocolError),
        (data({"urls": []}), ProtocolError),
    ],
)
async def test_a_link_that_does_not_come_says_why(answer, kind):
    """Missing, expired, or an answer without one."""
    driver, _ = opened(answer, token=TOKEN)
    with pytest.raises(kind):
        await driver.link(file())


async def test_a_link_to_another_version_than_the_listed_one_is_refused(ahead_of_need):
    """The URL names the entity: cached bytes must not go on with those of another (wire §8)."""
    driver, _ = opened(recorded("url_download"), recorded("url_download"), token=TOKEN)
    assert await driver.link(file(version="dwUm"))
    with pytest.raises(Changed):
        await driver.link(file(version="older"))
    driver, _ = opened(recorded("url_download"), token=TOKEN)
    (one,) = await driver.links([file(version="older")])
    assert isinstance(one, Changed)


async def test_a_folder_has_no_link():
    """Nobody is asked."""
    driver, site = opened(token=TOKEN)
    with pytest.raises(IsFolder):
        await driver.link(driver.root)
    assert not site.calls


async def test_many_links_come_in_one_call(ahead_of_need):
    """In order; one that the server left out fails alone, and not as absence."""
    driver, site = opened(recorded("url_one_missing_skip_error"), token=TOKEN)
    found = await driver.links([file("hello.txt"), file("nope")])
    assert isinstance(found[0], Link)
    assert isinstance(found[1], ProviderFault)
    assert site.calls[0].json["skip_error"] is True
    assert len(site.calls) == 1


async def test_a_file_left_out_of_a_batch_is_asked_alone_when_somebody_waits():
    """The batch hides the reason; the file's own call tells it."""
    driver, site = opened(
        recorded("url_one_missing_skip_error"), recorded("url_missing"), token=TOKEN
    )
    found = await driver.links([file("hello.txt"), file("nope")])
    assert [type(each) for each in found] == [Link, NotFound]
    assert site.calls[1].json == {"uris": ["cloudreve://my/nope"], "download": True}


async def test_a_login_that_ended_leaves_the_whole_batch_out():
    """One call tells for all that were left out; the account renews on it (wire §4)."""
    nothing = data({"urls": [{"url": ""}] * 3, "expires": None})
    driver, site = opened(nothing, recorded("file_url_expired_access"), token=TOKEN)
    found = await driver.links([file("a"), file("b"), file("c")])
    assert [type(each) for each in found] == [Unauthorized] * 3
    assert len(site.calls) == 2


SINGLE = file("readme.md", locator="cloudreve://xjsn@share/readme.md#single")


async def test_files_of_single_file_shares_are_never_asked_ahead(ahead_of_need):
    """Each link counts against the share (wire §11)."""
    driver, site = opened(share="xjsn")
    (found,) = await driver.links([SINGLE])
    assert isinstance(found, NotSupported)
    with pytest.raises(NotSupported):
        await driver.link(SINGLE)
    assert not site.calls


async def test_a_batch_asks_only_for_what_can_have_a_link(ahead_of_need):
    """The order of the answers is that of the question."""
    driver, site = opened(recorded("url_two"), token=TOKEN)
    found = await driver.links([file("a"), SINGLE, driver.root, file("b")])
    assert [type(each) for each in found] == [Link, NotSupported, IsFolder, Link]
    assert site.calls[0].json["uris"] == ["cloudreve://my/a", "cloudreve://my/b"]


async def test_a_reader_gets_the_link_of_a_single_file_share_in_any_company():
    """Opens of one moment share a batch; this file is asked beside it."""
    driver, site = opened(recorded("url_two"), recorded("share_url_single_file"), token=TOKEN)
    found = await driver.links([file("a"), SINGLE, file("b")])
    assert [type(each) for each in found] == [Link, Link, Link]
    assert len(site.calls) == 2


ELSEWHERE = "http://127.0.0.1:5212/api/v4/file/content/dwUm/0/a.txt?sign=S%3A1"
PUBLIC = "https://old.example.com/api/v4/file/content/dwUm/0/a.txt?sign=S%3A1"
HERE = f"{SITE}/api/v4/file/content/dwUm/0/a.txt?sign=S%3A1"


@pytest.mark.parametrize(
    ("url", "address", "when", "wanted"),
    [
        (ELSEWHERE, SITE, "auto", HERE),
        (ELSEWHERE, SITE, "always", HERE),
        (ELSEWHERE, SITE, "never", ELSEWHERE),
        (ELSEWHERE, "http://127.0.0.1:8080", "auto", ELSEWHERE),
        (ELSEWHERE, "http://localhost:8080", "auto", ELSEWHERE),
        (PUBLIC, SITE, "auto", PUBLIC),
        (PUBLIC, SITE, "always", HERE),
        ("http://localhost:5212/api/v4/slave/file/content/0/x", SITE, "always", None),
        ("https://bucket.example.com/a?x=/api/v4/file/content/", SITE, "always", None),
    ],
)
def test_links_that_name_another_site_url_can_be_rewritten(url, address, when, wanted):
    """A wrong site URL lets listings work and downloads fail (wire §8)."""
    assert rewritten(url, Place.parse(address), when) == (wanted or url)


# --- abilities ------------------------------------------------------------------------------------


async def test_the_capacity_of_a_drive():
    """Bytes; of the own drive only."""
    driver, _ = opened(recorded("user_capacity"), token=TOKEN)
    assert await driver.space() == Space(total=1099511627776, used=314795208)


async def test_a_share_has_no_capacity():
    """The account's own space would be a lie there."""
    driver, site = opened(share="abTz", token=TOKEN)
    with pytest.raises(NotSupported):
        await driver.space()
    assert not site.calls


async def test_a_share_tells_about_itself():
    """In our words; its url, which holds the password, is not among them."""
    driver, site = opened(recorded("share_info_pw_right"), share="6DCZ", share_password="s3cret")
    info = await driver.share_info()
    assert info == ShareInfo(
        name="docs",
        owner="admin",
        is_folder=True,
        created_ns=1795346687076908065,
        views=0,
    )
    assert "s3cret" not in repr(info)
    assert site.calls[0].params == {"password": "s3cret"}


@pytest.mark.parametrize("name", ["share_info_pw", "share_info_pw_wrong"])
async def test_a_locked_share_says_so(name):
    """Code 0 with ``unlocked: false`` (wire §11); the password in its url goes nowhere."""
    driver, _ = opened(recorded(name), share="6DCZ")
    info = await driver.share_info()
    assert info.locked
    assert "s3cret" not in repr(info)


async def test_the_downloads_left_are_told():
    """A share of one file with a limit."""
    driver, _ = opened(recorded("share_info_limit_file"), share="xjsn")
    info = await driver.share_info()
    assert (info.is_folder, info.downloads_left) == (False, 2)


async def test_a_drive_is_no_share():
    """Nobody is asked."""
    driver, site = opened(token=TOKEN)
    with pytest.raises(NotSupported):
        await driver.share_info()
    assert not site.calls


# --- folder sizes, thumbnails ---------------------------------------------------------------------


async def test_the_size_of_a_folder_is_asked_for_one_folder():
    """Bytes of all levels, asked by name in this very request."""
    driver, site = opened(recorded("info_folder_summary"), token=TOKEN)
    assert await driver.folder_size(folder()) == FolderSize(
        size=100197, files=3, folders=0, complete=True, counted_ns=1795346464062243142
    )
    assert site.calls[0].params == {"uri": "cloudreve://my/docs", "folder_summary": "true"}


async def test_a_file_has_no_size_of_a_folder():
    """Servers leave another object's summary in what they tell about files (wire §6.2.4)."""
    driver, site = opened(token=TOKEN)
    with pytest.raises(NotFolder):
        await driver.folder_size(file())
    assert site.calls == []


@pytest.mark.parametrize("options", [{}, {"share": "abTz"}])
async def test_a_root_has_no_size_that_could_be_asked(options):
    """Servers refuse every question about a root (wire §7), so none is put."""
    driver, site = opened(token=TOKEN, **options)
    with pytest.raises(NotSupported, match="not of a whole drive or share"):
        await driver.folder_size(driver.root)
    assert site.calls == []


async def test_only_the_owner_is_told_the_size_of_a_shared_folder():
    """In words, not as a fault of the server."""
    driver, _ = opened(recorded("share_subfolder_summary_anonymous"), share="abTz")
    with pytest.raises(Denied, match="only the owner"):
        await driver.folder_size(folder())


async def test_a_thumbnail_is_a_link_with_an_end():
    """Read as any other link, for as long as the server says."""
    driver, site = opened(recorded("thumb_png"), token=TOKEN)
    found = await driver.thumbnail(file("p.png"))
    assert found.url.startswith(f"{SITE}/api/v4/file/content/")
    assert found.lifetime_s == pytest.approx(3606, abs=1)
    assert site.calls[0].params == {"uri": "cloudreve://my/p.png"}


@pytest.mark.parametrize(
    "name", ["thumb_broken_jpg", "thumb_broken_jpg_2", "share_thumb_anonymous", "thumb_text"]
)
async def test_a_file_without_a_thumbnail_says_so(name):
    """Neither a missing file nor a fault: there is no picture of it."""
    driver, _ = opened(recorded(name), token=TOKEN)
    with pytest.raises(NotSupported, match="no thumbnail"):
        await driver.thumbnail(file())


async def test_a_missing_file_is_not_one_without_a_thumbnail():
    """Absence is only what the server says is absent."""
    driver, _ = opened(recorded("info_missing"), token=TOKEN)
    with pytest.raises(NotFound):
        await driver.thumbnail(file())


async def test_a_folder_has_no_thumbnail():
    """Nobody is asked."""
    driver, site = opened(token=TOKEN)
    with pytest.raises(IsFolder):
        await driver.thumbnail(folder())
    assert site.calls == []


async def test_pictures_and_sizes_are_never_asked_by_themselves():
    """Listing, looking and reading cost neither: one is a walk, the other moves the file's time."""
    driver, site = opened(
        recorded("list_root"), recorded("info_file"), recorded("url_download"), token=TOKEN
    )
    await driver.list(driver.root, None)
    await driver.stat(file())
    await driver.link(file())
    assert not any("thumb" in call.url or "folder_summary" in call.params for call in site.calls)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("content_expired_url_range", LinkExpired), ("content_after_delete_range", Changed)],
)
def test_content_servers_are_understood(name, kind):
    """HTTP 200 and JSON instead of bytes (wire §8.1)."""
    driver, _ = opened(token=TOKEN)
    answer = recorded(name)
    assert isinstance(driver.classify_content(200, answer.headers, answer.body), kind)


async def test_families_pace_each_kind_of_call():
    """Every family that the driver names has its limit."""
    driver, _ = opened(
        recorded("list_root"),
        recorded("info_file"),
        recorded("url_download"),
        recorded("user_capacity"),
        recorded("info_folder_summary"),
        recorded("thumb_png"),
        token=TOKEN,
    )
    await driver.list(driver.root, None)
    await driver.stat(file())
    await driver.link(file())
    await driver.space()
    await driver.folder_size(folder())
    await driver.thumbnail(file())
    families = driver._account.families
    assert families == ["list", "info", "link", "info", "info", "thumbnail"]
    assert set(families) <= set(SPEC.limits)


async def test_an_address_that_is_missing_is_said_before_anything_is_asked():
    """``cloudreve://`` links need -o address=."""
    with pytest.raises(UsageError, match="address is missing"):
        opened(address="")


async def test_a_root_that_is_no_folder_of_the_share_is_not_found():
    """A sub-path that was deleted, or a file."""
    driver, _ = opened(refused(40016, "Path not exist"), share="abTz", root="/gone")
    with pytest.raises(NotFound):
        await driver.list(driver.root, None)


async def test_guests_are_told_to_sign_in():
    """The advice names the option."""
    driver, _ = opened(recorded("share_list_anonymous_not_allowed"), share="abTz")
    with pytest.raises(Denied) as info:
        await driver.list(driver.root, None)
    assert "auth=ref:" in info.value.advice


async def test_a_web_page_in_the_place_of_a_listing_is_an_error():
    """Error is not absence."""
    driver, _ = opened(answered(b"<!doctype html>"), token=TOKEN)
    with pytest.raises(ProtocolError, match="web page"):
        await driver.list(driver.root, None)


async def test_closing_twice_is_closing():
    """It holds nothing."""
    driver, _ = opened(token=TOKEN)
    await driver.close()
    await driver.close()
