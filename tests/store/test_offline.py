"""Which offline downloads still run is known to every process of the host, and for long enough."""

from __future__ import annotations

import pytest

from fsmount.errors import StoreFault
from fsmount.model import OfflineState, OfflineTask
from fsmount.store.offline import Awaited, Ledger, LedgerFile, ended, settled, started

NOW = 1_795_346_464.0


def task(ident, state=OfflineState.RUNNING, folder="f1"):
    """Return a task as a provider tells it."""
    return OfflineTask(id=ident, name=ident, state=state, folder=folder)


RUNNING = Ledger(tasks={"a": Awaited(folder="f1", since=NOW - 600)}, asked=NOW - 60)


def test_what_was_begun_is_waited_for():
    """With the folder that it goes to; one that was there at once has ended already."""
    ledger = started(Ledger(), [task("a"), task("b", OfflineState.DONE)], wall=NOW)
    assert ledger.running == ["a"]
    assert ledger.tasks["a"] == Awaited(folder="f1", since=NOW)
    assert ledger.tasks["b"] == Awaited(folder="f1", since=NOW, ended=NOW)


@pytest.mark.parametrize("state", [OfflineState.DONE, OfflineState.FAILED])
def test_an_end_is_noted_once(state):
    """It stays the same when it is told again."""
    over = settled(RUNNING, [task("a", state)], wall=NOW)
    assert over.tasks["a"] == Awaited(folder="f1", since=NOW - 600, ended=NOW)
    again = settled(over, [task("a", state)], wall=NOW + 50)
    assert again.tasks == over.tasks
    assert again.asked == NOW + 50


def test_what_runs_without_us_is_known_from_then_on():
    """Begun in the provider's app; what ended there before anybody asked is nothing new."""
    told = [task("a"), task("b"), task("c", OfflineState.DONE)]
    assert settled(RUNNING, told, wall=NOW).running == ["a", "b"]


def test_what_is_no_longer_told_has_ended():
    """Removed in the app; but a new one may not be told yet."""
    assert settled(RUNNING, [], wall=NOW).tasks["a"].ended == NOW
    fresh = started(RUNNING, [task("b")], wall=NOW - 30)
    assert settled(fresh, [task("a")], wall=NOW).running == ["a", "b"]


def test_what_is_begun_again_runs_again():
    """The provider knows it under the same id."""
    over = ended(RUNNING, ["a", "x"], wall=NOW)
    assert over.running == []
    assert over.tasks["x"].ended == NOW
    assert settled(over, [task("a")], wall=NOW + 5).running == ["a"]
    assert started(over, [task("a")], wall=NOW + 5).running == ["a"]


def test_a_folder_that_is_not_told_any_more_is_still_known():
    """The end names none."""
    over = settled(RUNNING, [task("a", OfflineState.DONE, folder="")], wall=NOW)
    assert over.tasks["a"].folder == "f1"


@pytest.mark.parametrize("later_s", [86_401, -86_401])
def test_an_end_is_forgotten_after_a_day(later_s):
    """By then every listing is newer; a clock that was set back forgets too."""
    over = ended(RUNNING, ["a"], wall=NOW)
    assert settled(over, [], wall=NOW + 3600).tasks
    assert settled(over, [], wall=NOW + later_s).tasks == {}


async def test_it_is_shared_through_a_file(tmp_path):
    """Of 0600; another process reads what this one wrote."""
    path = tmp_path / "offline" / "account.json"
    ours, theirs = LedgerFile(path), LedgerFile(path)
    assert await ours.load() == Ledger()
    kept = await ours.change(lambda ledger: started(ledger, [task("a")], wall=NOW))
    assert await theirs.load() == kept
    assert path.stat().st_mode & 0o777 == 0o600
    await theirs.change(lambda ledger: ended(ledger, ["a"], wall=NOW))
    assert (await ours.load()).running == []


async def test_nothing_is_written_when_nothing_changed(tmp_path):
    """The mount looks every few seconds."""
    path = tmp_path / "account.json"
    ledger = LedgerFile(path)
    await ledger.change(lambda _: RUNNING)
    before = path.stat().st_ino
    await ledger.change(lambda kept: kept)
    assert path.stat().st_ino == before


@pytest.mark.logs("cannot be used")
@pytest.mark.parametrize("content", [b"", b"{", b'{"tasks": 7}', b"\xff"])
async def test_a_file_that_is_not_understood_is_empty(tmp_path, content):
    """Said in the log; the next listing of the tasks fills it again."""
    path = tmp_path / "account.json"
    path.write_bytes(content)
    assert await LedgerFile(path).load() == Ledger()


async def test_what_cannot_be_kept_is_said(tmp_path):
    """With the path and the reason."""
    (tmp_path / "offline").write_bytes(b"")
    with pytest.raises(StoreFault, match="cannot write"):
        await LedgerFile(tmp_path / "offline" / "account.json").change(lambda _: RUNNING)
