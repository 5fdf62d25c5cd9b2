"""File objects become entries: versions, uploads in progress, shortcuts."""

from __future__ import annotations

import msgspec
import pytest

from fsmount.drivers.cloudreve import api, entries
from fsmount.drivers.cloudreve.api import FileObject, Position
from fsmount.drivers.cloudreve.entries import ROOT_ID
from fsmount.drivers.cloudreve.uri import FileUri
from fsmount.model import Entry, EntryId, Kind
from tests.drivers.cloudreve.scripted import data, file_object, recorded

DRIVE = FileUri(fs="my")
SHARE = FileUri(fs="share", id="abTz")
NOTHING = "EkH2"


def folder(ident=ROOT_ID, locator="cloudreve://my", name=""):
    return Entry(id=EntryId(ident), name=name, kind=Kind.FOLDER, locator=locator)


def made(answer, at=None, mounted=DRIVE):
    page = api.read_list(answer, Position())
    return {each.name: each for each in entries.entries(page, at or folder(), mounted=mounted)}


def row(name, **more):
    return msgspec.convert(file_object(name, **more), FileObject)


def entry(name, nothing="", **more):
    return entries.entry(row(name, **more), mounted=DRIVE, nothing=nothing)


def shortcut(ident, target):
    return file_object(
        f"to {target}", folder=True, ident=ident, metadata={"sys:shared_redirect": target}
    )


def answer(*files):
    return data({"files": list(files), "parent": {"primary_entity": NOTHING}})


def test_a_recorded_listing_becomes_entries():
    """Ids, kinds, sizes, exact times, locators as the server wrote them, versions of files only."""
    found = made(recorded("share_list_folder"), folder(locator="cloudreve://abTz@share"), SHARE)
    assert found["data.bin"] == Entry(
        id=EntryId("wKto"),
        name="data.bin",
        kind=Kind.FILE,
        locator="cloudreve://abTz@share/data.bin",
        size=100000,
        mtime_ns=1795346292217335874,
        version="VetA",
    )
    assert made(recorded("list_root"))["docs"].version == ""


def test_names_and_paths_stay_as_they_are():
    """A name is any text; its path comes encoded and is used so."""
    found = made(recorded("list_unicode"))["目录 😀 100%"]
    assert found.locator == ("cloudreve://my/unicode/%E7%9B%AE%E5%BD%95%20%F0%9F%98%80%20100%25")


def test_the_empty_entity_is_no_version():
    """One constant per server stands for folders and for files made empty (wire §1)."""
    assert made(recorded("list_root"))["empty.txt"].version == ""
    assert entry("a", size=5, primary_entity=NOTHING, nothing=NOTHING).version == ""
    assert entry("a", size=0, primary_entity="D4rh5", nothing=NOTHING).version == ""


@pytest.mark.parametrize(("size", "bytes_"), [("5", 5), (None, None), ("", None), (-1, None)])
def test_a_size_that_is_not_told_is_unknown(size, bytes_):
    """Unknown is not 0: an unknown size is asked at open."""
    assert entry("a", size=size).size == bytes_


def test_a_time_that_is_not_told_is_zero():
    """Folders and files alike."""
    assert entry("a", updated_at=None).mtime_ns == 0
    assert entry("a", folder=True, updated_at="0001-01-01T00:00:00Z").mtime_ns == 0


def test_a_new_file_is_hidden_while_it_is_uploaded():
    """It has no bytes to read yet (wire §10.4)."""
    assert made(recorded("list_while_uploading")) == {}


def test_a_good_file_stays_while_it_gets_a_new_version():
    """It carries the same mark, with its old size and entity."""
    found = made(recorded("list_while_version_uploading"))
    assert set(found) == {"sib", "multi.bin", "ooo.bin", "zero.bin"}
    assert (found["multi.bin"].size, found["multi.bin"].version) == (2109497, "EDkU2")


MARK = {"sys:upload_session_id": "s"}


@pytest.mark.parametrize(
    ("fields", "nothing", "hidden"),
    [
        ({"size": 0, "primary_entity": NOTHING}, NOTHING, True),
        ({"size": 0, "primary_entity": "D4rh5"}, NOTHING, False),
        ({"size": 5, "primary_entity": "EDkU2"}, NOTHING, False),
        ({"size": 0, "primary_entity": NOTHING}, "", True),
        ({"size": 5, "primary_entity": "EDkU2"}, "", False),
        ({"size": "0"}, "", True),
    ],
)
def test_the_mark_alone_hides_nothing(fields, nothing, hidden):
    """The empty entity tells; without it the size."""
    assert entries.is_placeholder(row("a", metadata=MARK, **fields), nothing) is hidden


def test_no_mark_no_upload():
    """An empty file is a file; a folder is never one."""
    assert not entries.is_placeholder(row("a", size=0, primary_entity=NOTHING), NOTHING)
    assert not entries.is_placeholder(row("a", folder=True, metadata=MARK), NOTHING)


def test_a_shortcut_leads_where_it_says():
    """Listing the shortcut itself is refused, so its URI is followed (wire §6.3)."""
    found = made(recorded("share_shortcut_list_parent"))["shortcut"]
    assert (found.kind, found.locator) == (Kind.FOLDER, "cloudreve://abTz@share")
    assert found.id == "qNZECB"


@pytest.mark.parametrize("target", ["", "nonsense", "cloudreve://my/x", 7])
def test_a_shortcut_to_no_share_stays_a_folder(target):
    """What cannot be followed is left as the server has it."""
    odd = file_object("odd", folder=True, metadata={"sys:shared_redirect": target})
    assert made(answer(odd))["odd"].locator == "cloudreve://my/odd"


def test_the_same_file_in_the_drive_and_behind_a_shortcut_are_two():
    """One id must not stand in two folders, and two shortcuts are two places."""
    one = folder("S1", "cloudreve://abTz@share")
    two = folder("S2", "cloudreve://abTz:pw@share")
    file = file_object("a", ident="F1")
    assert made(answer(file))["a"].id == "F1"
    assert made(answer(file), one)["a"].id == "S1.abTz.F1"
    assert made(answer(file), two)["a"].id == "S2.abTz.F1"
    below = folder("S1.abTz.D1", "cloudreve://abTz@share/sub")
    assert made(answer(file), below)["a"].id == "S1.abTz.F1"


def test_a_shortcut_behind_a_shortcut_goes_one_deeper():
    """The chain of shares stands in the id."""
    here = folder("S1.abTz.S2", "cloudreve://Other@share")
    assert made(answer(file_object("a", ident="F1")), here)["a"].id == "S1.abTz.S2.Other.F1"


@pytest.mark.parametrize(
    ("at", "target", "mounted", "shown"),
    [
        (folder(), "cloudreve://abTz@share", DRIVE, True),
        (folder("S1", "cloudreve://abTz@share"), "cloudreve://abTz@share", DRIVE, False),
        (folder("S1", "cloudreve://abTz@share"), "cloudreve://Other@share", DRIVE, True),
        (folder("S1.abTz.D1", "cloudreve://abTz@share/d"), "cloudreve://abTz@share", DRIVE, False),
        (folder("S1.abTz.S2", "cloudreve://Other@share"), "cloudreve://abTz@share", DRIVE, False),
        (folder(locator="cloudreve://abTz@share"), "cloudreve://abTz@share", SHARE, False),
        (folder(locator="cloudreve://abTz@share"), "cloudreve://Other@share", SHARE, True),
        (folder("S1", "cloudreve://Other@share"), "cloudreve://abTz@share/x", SHARE, False),
    ],
)
def test_a_shortcut_back_to_where_one_came_from_is_left_out(at, target, mounted, shown):
    """Or a walk would never end."""
    found = made(answer(shortcut("S9", target), file_object("a")), at, mounted)
    assert (f"to {target}" in found) is shown
    assert "a" in found


def test_a_users_id_is_not_taken_for_a_shares():
    """They are ids of two spaces and may be alike (wire §1)."""
    drive = FileUri(fs="my", id="abTz")
    found = made(answer(shortcut("S1", "cloudreve://abTz@share")), mounted=drive)
    (led,) = found.values()
    assert made(answer(file_object("a", ident="F1")), led, drive)["a"].id == "S1.abTz.F1"


def test_the_file_of_a_single_file_share_is_marked():
    """Each link of it counts against the share; no encoded URI ends so by itself."""
    found = made(
        recorded("share_list_file"),
        folder(locator="cloudreve://9EUw@share"),
        FileUri(fs="share", id="9EUw"),
    )
    assert found["hello.txt"].locator == "cloudreve://9EUw@share/hello.txt#single"


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("cloudreve://abTz:s%26e@share/a%20b/c", "cloudreve://abTz@share/a%20b/c"),
        ("cloudreve://abTz@share/a", "cloudreve://abTz@share/a"),
        ("cloudreve://Other:pw@share/a", "cloudreve://Other:pw@share/a"),
        ("cloudreve://my/abTz:x@share", "cloudreve://my/abTz:x@share"),
    ],
)
def test_entries_do_not_keep_the_code_of_their_share(path, kept, folder):
    """They stand on disk and in reports; only the code of a share behind a shortcut must stay."""
    mounted = FileUri(fs="share", id="abTz", password="s&e")
    found = entries.entry(row("a", folder=folder, path=path), mounted=mounted)
    assert found.locator == kept
    assert "s&e" not in repr(mounted)
