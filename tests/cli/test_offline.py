"""offline add, list, rm and quota: every message, over a driver without a provider."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import msgspec
import pytest

from fsmount import drivers
from fsmount.cli import fetchable, offline
from fsmount.drivers.base import Ability
from fsmount.errors import Unreachable
from fsmount.model import OfflineState
from fsmount.store.offline import Ledger
from tests import downloading_driver
from tests.downloading_driver import Provider

HASH = "0123456789abcdef0123456789abcdef01234567"
MAGNET = f"magnet:?xt=urn:btih:{HASH}&dn=%E7%94%B5%E5%BD%B1"
ED2K = "ed2k://|file|some film.mkv|700000000|0123456789abcdef0123456789ABCDEF|/"
WEB = "https://me:hunter2@example.com/secret/film.mkv?token=hunter3"


@pytest.fixture
def provider(monkeypatch, tmp_path):
    """A provider that downloads, and the remote `films` of it in the configuration."""
    # In its place: what is taken out and put back would be the last one afterwards.
    monkeypatch.setitem(drivers.REGISTRY, "p115", "tests.downloading_driver")
    provider = Provider()
    monkeypatch.setattr(downloading_driver, "PROVIDER", provider)
    config = tmp_path / "config" / "fsmount" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        '[remotes.films]\ndriver = "p115"\n'
        '[remotes.photos]\ndriver = "cloudreve"\naddress = "https://cloud.example.com"\n'
        '[remotes.mine]\ndriver = "p115_open"\n'
    )
    return provider


@pytest.fixture
def ledger(tmp_path):
    """Return what mounts are told."""

    def ledger():
        (path,) = (tmp_path / "state" / "offline").glob("*.json")
        return msgspec.json.decode(path.read_bytes(), type=Ledger)

    return ledger


# --- add ------------------------------------------------------------------------------------------


def test_links_are_added(fsmount, provider, ledger):
    """Several at once, in one call; each has its line, and mounts learn of them."""
    result = fsmount("offline", "add", "films", MAGNET, ED2K, WEB)
    assert result.code == 0, result.err
    assert provider.added == [([MAGNET, ED2K, WEB], None)]
    assert len(result.out.splitlines()) == 3
    assert result.out.startswith("fff1fff1ff  running    0 %           -")
    assert sorted(ledger().running) == sorted(provider.tasks)
    assert {task.folder for task in ledger().tasks.values()} == {"downloads"}


@pytest.mark.parametrize(
    ("target", "folder"),
    [("films:电影 films", "films"), ("films:/电影 films/", "films"), ("films:/", "root")],
)
def test_they_go_into_a_folder(fsmount, provider, target, folder):
    """Named as a mount shows it."""
    assert fsmount("offline", "add", target, MAGNET).code == 0
    assert provider.added == [([MAGNET], folder)]


def test_a_remote_alone_leaves_the_folder_to_the_provider(fsmount, provider):
    """With or without the colon."""
    for target in ("films", "films:"):
        assert fsmount("offline", "add", target, MAGNET).code == 0
    assert [folder for _, folder in provider.added] == [None, None]


def test_a_folder_that_is_not_there_is_said(fsmount, provider):
    """And nothing is added elsewhere instead."""
    result = fsmount("offline", "add", "films:nowhere", MAGNET)
    assert (result.code, result.line) == (
        1,
        'fsmount: there is no "nowhere" in "/"; make the folder first, in the app',
    )
    result = fsmount("offline", "add", "films:a.txt", MAGNET)
    assert (result.code, result.line) == (1, 'fsmount: "a.txt" is a file; name a folder')
    assert provider.added == []


def test_links_stand_in_files_too(fsmount, provider, tmp_path):
    """One a line; empty lines and comments are passed over, and what comes twice is asked once."""
    links = tmp_path / "links.txt"
    links.write_text(f"\ufeff# films\n\n  {MAGNET}\n{ED2K}\r\n{MAGNET}\n", encoding="utf-8")
    assert fsmount("offline", "add", "films", "--from", links).code == 0
    assert provider.added == [([MAGNET, ED2K], None)]


@pytest.mark.parametrize("words", [("-",), ("--from", "-")])
def test_links_come_from_standard_input_too(fsmount, provider, monkeypatch, words):
    """Beside others."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(f"{ED2K}\n".encode())))
    assert fsmount("offline", "add", "films", MAGNET, *words).code == 0
    assert provider.added == [([MAGNET, ED2K], None)]


def test_a_file_that_cannot_be_read_is_said(fsmount, provider, tmp_path):
    """With the reason."""
    result = fsmount("offline", "add", "films", "--from", tmp_path / "none")
    assert (result.code, result.line) == (
        2,
        f'fsmount: cannot read "{tmp_path / "none"}": No such file or directory',
    )
    (tmp_path / "picture").write_bytes(b"\xff\xd8")
    result = fsmount("offline", "add", "films", "--from", tmp_path / "picture")
    assert (result.code, result.line) == (
        2,
        f'fsmount: cannot read "{tmp_path / "picture"}": it is not UTF-8 text',
    )


def test_without_a_link_there_is_nothing_to_add(fsmount, provider):
    """Nobody is asked."""
    result = fsmount("offline", "add", "films")
    assert (result.code, result.line) == (
        2,
        "fsmount: there is no link to add; name some, or say --from FILE",
    )


def test_bad_links_are_named_and_none_is_added(fsmount, provider, tmp_path):
    """A line each, with its place; so that the same words can be said again, corrected."""
    links = tmp_path / "links.txt"
    links.write_text(f"{ED2K}\nthunder://QUFodHRwOi8v\n")
    result = fsmount("offline", "add", "films", HASH, MAGNET, "--from", links)
    assert result.code == 2
    assert result.err.splitlines() == [
        'fsmount: "012…" is no link to fetch: a hash alone is no link, '
        "write magnet:?xt=urn:btih: before it",
        f'fsmount: {links} line 2: "thu…" is no link to fetch: '
        "it is none of http, https, ftp, magnet and ed2k",
        "fsmount: 2 of 4 links cannot be used, so none was added; "
        "correct or leave out what is named above",
    ]
    assert provider.added == []


def test_what_the_provider_refuses_is_said_and_the_others_are_added(fsmount, provider, ledger):
    """A line each, without what could sign; exit code 1."""
    provider.refuses[WEB] = "115 says that the link is bad"
    result = fsmount("offline", "add", "films", WEB, MAGNET)
    assert result.code == 1
    assert result.line == (
        "fsmount: https://example.com/…/film.mkv?…: 115 says that the link is bad"
    )
    assert len(result.out.splitlines()) == 1
    assert len(ledger().running) == 1


def test_what_was_added_is_told_as_json(fsmount, provider):
    """Whole ids."""
    (task,) = json.loads(fsmount("offline", "add", "films", MAGNET, "--json").out)
    assert (task["id"], task["state"], task["folder"]) == ("fff1" * 10, "running", "downloads")


@pytest.mark.parametrize("link", [WEB, "hunter2hunter3", f"{WEB} "])
def test_secrets_of_links_are_neither_shown_nor_logged(fsmount, provider, link):
    """Of good ones, of refused ones and of words that are none."""
    provider.refuses[WEB] = "no"
    result = fsmount("--debug", "offline", "add", "films", link)
    assert "hunter" not in result.out + result.err


def test_mounts_that_cannot_be_told_are_no_reason_to_fail(fsmount, provider, tmp_path):
    """What was added was added; it is said, in one line."""
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "offline").write_bytes(b"")
    result = fsmount("offline", "add", "films", MAGNET)
    assert (result.code, len(result.out.splitlines())) == (0, 1)
    assert result.line.startswith(
        f"fsmount: mounts do not follow these downloads: cannot write {tmp_path}/state/offline/"
    )


# --- list -----------------------------------------------------------------------------------------


def test_tasks_are_listed(fsmount, provider, monkeypatch):
    """Newest first: id, state, progress, size, when, name; why one failed."""
    monkeypatch.setenv("TZ", "UTC")
    provider.put("a" * 40, OfflineState.FAILED, reason="illegal content", progress=0.2)
    provider.put(
        "b" * 40,
        progress=0.999,
        size=3 << 30,
        name="电影\x1b[2J.mkv",
        added_ns=1_700_000_000 * 10**9,
    )
    provider.put("c" * 40, OfflineState.DONE, progress=0.0, size=5)
    provider.put("d" * 40, OfflineState.WAITING)
    result = fsmount("offline", "list", "films")
    assert result.code == 0
    assert [row.split() for row in result.out.splitlines()] == [
        ["d" * 10, "waiting", "0", "%", "-", *f"name of {'d' * 40}".split()],
        ["c" * 10, "done", "100", "%", "5", "B", *f"name of {'c' * 40}".split()],
        ["b" * 10, "running", "99", "%", "3.0", "GiB", "2023-11-14", "22:13", "电影\x1b[2J.mkv"],
        ["a" * 10, "failed", "20", "%", "-", *f"name of {'a' * 40}: illegal content".split()],
    ]


def test_no_tasks_is_said(fsmount, provider):
    """Nothing failed; as JSON it is an empty list."""
    result = fsmount("offline", "list", "films")
    assert (result.code, result.out, result.line) == (0, "", "there are no offline downloads")
    assert json.loads(fsmount("offline", "list", "films", "--json").out) == []


def test_listing_tells_mounts_what_runs(fsmount, provider, ledger):
    """Also what was begun in the provider's own app."""
    provider.put("a" * 40)
    fsmount("offline", "list", "films")
    assert ledger().running == ["a" * 40]
    provider.put("a" * 40, OfflineState.DONE)
    fsmount("offline", "list", "films")
    assert ledger().running == []
    assert ledger().tasks["a" * 40].ended


def test_watching_ends_when_nothing_runs(fsmount, provider, monkeypatch):
    """In a pipe it writes them again whenever something changed."""
    monkeypatch.setattr("fsmount.cli.offline._WATCH_EVERY_S", 0.001)
    provider.put("a" * 40, progress=0.1)

    def advance():
        if provider.asked == 4:
            provider.put("a" * 40, OfflineState.DONE)

    provider.advance = advance
    result = fsmount("offline", "list", "--watch", "films")
    assert [row.split()[1] for row in result.out.splitlines()] == ["running", "done"]
    assert provider.asked == 4


def test_a_person_watches_a_table(fsmount, provider, monkeypatch):
    """A passing failure is a line below it; what stands at the end is that they are done."""
    monkeypatch.setattr("fsmount.cli.offline._WATCH_EVERY_S", 0.001)
    monkeypatch.setattr("fsmount.cli.offline._looked_on", lambda: True)
    provider.put("a" * 40, progress=0.5, size=1 << 20)

    def advance():
        if provider.asked == 2:
            provider.failures.append(Unreachable("cannot reach 115"))
        if provider.asked == 5:
            provider.put("a" * 40, OfflineState.DONE, size=1 << 20)

    provider.advance = advance
    result = fsmount("offline", "list", "--watch", "films")
    assert result.code == 0, result.err
    assert provider.asked == 5
    last = result.out.splitlines()[-1].split()
    assert last[:2] == ["a" * 10, "done"]
    assert "100 % 1.0 MiB" in " ".join(last)


# --- rm and quota ---------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", [(), ("--with-files",)])
def test_tasks_are_removed_by_the_beginning_of_their_ids(fsmount, provider, ledger, flag):
    """As the list shows them; files go only when that is said."""
    provider.put("abc" + "0" * 37)
    provider.put("abd" + "0" * 37)
    result = fsmount("offline", "rm", "films", "ABC0", *flag)
    said = "removed with its files" if flag else "removed"
    assert (result.code, result.line) == (0, f"{said}: name of abc{'0' * 37}")
    assert provider.removed == [("abc" + "0" * 37, bool(flag))]
    assert ledger().tasks["abc" + "0" * 37].ended
    assert ledger().running == ["abd" + "0" * 37]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("ab", 'fsmount: "ab" begins the ids of 2 tasks; write more of the id'),
        ("x", 'fsmount: there is no task "x"; "fsmount offline list REMOTE" shows them'),
        ("", 'fsmount: there is no task ""; "fsmount offline list REMOTE" shows them'),
    ],
)
def test_a_word_that_names_no_task_removes_none(fsmount, provider, word, line):
    """Nor the others that were named."""
    provider.put("abc" + "0" * 37)
    provider.put("abd" + "0" * 37)
    result = fsmount("offline", "rm", "films", "abc", word)
    assert (result.code, result.line) == (2, line)
    assert provider.removed == []


def test_the_quota_is_told(fsmount, provider, monkeypatch):
    """How many are left, of how many."""
    assert fsmount("offline", "quota", "films").out == "1490 of 1500 offline downloads left\n"
    assert json.loads(fsmount("offline", "quota", "films", "--json").out) == {
        "left": 1490,
        "total": 1500,
    }


# --- who can --------------------------------------------------------------------------------------

UNSUPPORTED = (
    "fsmount: unsupported storage driver for offline download, only 115 Cloud is supported"
)


@pytest.mark.parametrize(
    "words",
    [
        ("add", "photos", MAGNET),
        ("add", "photos:folder", MAGNET),
        ("list", "photos"),
        ("list", "--watch", "photos"),
        ("rm", "photos", "a"),
        ("quota", "photos"),
        ("add", "mine:/", MAGNET),
        ("list", "cloudreve://AbC1@share", "-o", "address=https://cloud.example.com"),
        ("add", "cloudreve://AbC1@share", MAGNET, "-o", "address=https://cloud.example.com"),
    ],
)
def test_any_other_driver_says_who_can(fsmount, provider, words):
    """In exactly these words, made from what the drivers declare; nobody is asked anything."""
    result = fsmount("offline", *words)
    assert (result.code, result.line) == (1, UNSUPPORTED)


def test_115_cloud_alone_can():
    """Of the drivers that there are: 115 Open has the calls too, but they are not asked for."""
    assert f"fsmount: {offline._unsupported()}" == UNSUPPORTED
    assert Ability.OFFLINE in drivers.load("p115").abilities


def test_several_that_can_are_all_named(fsmount, provider, monkeypatch):
    """It stays true when a driver learns it."""
    other = ModuleType("other_driver")
    other.SPEC = replace(downloading_driver.SPEC, name="other", title="Other")
    monkeypatch.setitem(sys.modules, "other_driver", other)
    monkeypatch.setitem(drivers.REGISTRY, "other", "other_driver")
    line = fsmount("offline", "list", "photos").line
    assert line.endswith("download, only 115 Cloud and Other are supported")
    for name in ("other", "p115"):
        monkeypatch.setitem(drivers.REGISTRY, name, "fsmount.drivers.cloudreve.driver")
    assert offline._unsupported().endswith("download, none is supported")


def test_an_unknown_remote_is_said(fsmount, provider):
    """With the nearest one."""
    result = fsmount("offline", "list", "flims")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert 'there is no remote "flims"' in result.line
    assert 'did you mean "films"?' in result.line


# --- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        MAGNET,
        ED2K,
        WEB,
        "http://example.com",
        "HTTPS://example.com/a%20b",
        "ftp://example.com/a",
        "magnet:?dn=x&xt=urn:btih:MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U",
        f"magnet:?xt.1=urn:btih:{HASH}",
        f"magnet:?xt=urn:btmh:1220{'a' * 64}",
        f"ed2k://|file|电影.mkv|5|{'0' * 32}|h=ABC|/",
    ],
)
def test_links_that_can_be_fetched(link):
    """In every spelling that people paste."""
    assert fetchable.fault(link) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is none of http"),
        ("film.mkv", "it is none of http"),
        ("file:///etc/passwd", "it is none of http"),
        ("https:///x", "it has no host"),
        ("https:example.com", "it has no host"),
        ("https://[::1/x", "its host is not understood"),
        ("https://example.com:port/x", "its host is not understood"),
        ("https://example.com/a b", "there is a space or a control character"),
        ("https://example.com/a\x07", "there is a space or a control character"),
        (f"https://example.com/{'a' * 9000}", "it is too long"),
        ("magnet:?dn=x", "a magnet link needs xt=urn:btih:"),
        ("magnet:?xt=urn:btih:0123", "a magnet link needs xt=urn:btih:"),
        ("magnet:?xt=urn:sha1:" + "a" * 32, "a magnet link needs xt=urn:btih:"),
        ("ed2k://|server|1.2.3.4|5|/", "an ed2k link is ed2k://|file|NAME|SIZE|HASH|/"),
        ("ed2k://|file|x|5|abc|/", "an ed2k link is ed2k://|file|NAME|SIZE|HASH|/"),
        (HASH, "a hash alone is no link"),
    ],
)
def test_links_that_cannot_say_why(text, why):
    """In a few words."""
    assert fetchable.fault(text).startswith(why)


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        (WEB, "https://example.com/…/film.mkv?…"),
        ("http://example.com:8080", "http://example.com:8080/"),
        ("https://example.com/a%20%1b.mkv", "https://example.com/a ?.mkv"),
        (MAGNET, "电影"),
        (f"magnet:?xt=urn:btih:{HASH}", f"magnet:?xt=urn:btih:{HASH}"),
        (ED2K, "some film.mkv"),
        ("hunter2 hunter3 hunter4", "hun…"),
        ("hunter2", "…"),
    ],
)
def test_links_are_shown_without_what_could_sign(link, shown):
    """Host and name; of what is none, next to nothing."""
    assert fetchable.shown(link) == shown


def test_a_target_that_is_a_link_has_no_folder():
    """Its colon is its own."""
    assert offline._target("https://115cdn.com/s/x") == ("https://115cdn.com/s/x", None)
    assert offline._target("films:a:b/c") == ("films", "a:b/c")
