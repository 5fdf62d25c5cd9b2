"""Copies for reading are made, shared, kept while needed, removed; nothing else is ever touched."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from fsmount.errors import (
    Denied,
    Gone,
    IsFolder,
    ProtocolError,
    StoreFault,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from fsmount.store.journal import StagingJournal
from fsmount.transfer.staging import open_staging
from tests.transfer.drive import MIB, Died, OwnDrive, Share, Steps, full, shared

FILE = shared("film.mkv")


@asynccontextmanager
async def opened(own, *, share=None, directory=None):
    """Open staging over ``own``."""
    async with open_staging(share or Share(), own, name="mine", directory=directory) as staging:
        yield staging


# --- making copies --------------------------------------------------------------------------------


@pytest.mark.autojump
async def test_a_read_saves_the_file_once_and_links_the_copy():
    """In a folder of this run alone; the next link is of the same copy."""
    own = OwnDrive()
    async with opened(own) as staging:
        link = await staging.link(FILE)
        (run,) = own.runs
        (copy,) = own.inside(run.id)
        assert link.url.endswith(copy.id)
        await staging.link(FILE, fresh=True)
        await staging.link(shared("other.mkv"))
    assert own.asked == [["film.mkv"], ["other.mkv"]]
    assert own.names() == []
    assert own.runs == []


@pytest.mark.autojump
async def test_concurrent_reads_make_one_copy():
    """However many ask at once."""
    own = OwnDrive()
    async with opened(own) as staging, trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(staging.link, FILE)
    assert own.asked == [["film.mkv"]]


@pytest.mark.autojump
async def test_nothing_is_made_where_nothing_is_read():
    """Opening and closing costs no call."""
    own = OwnDrive()
    async with opened(own) as staging:
        staging.opened(FILE)
        staging.closed(FILE)
        await staging.list(staging.root, None)
    assert own.steps.passed == []
    assert own.entries == {}


@pytest.mark.autojump
async def test_a_folder_has_no_copy():
    """Said before anything is asked."""
    async with opened(OwnDrive()) as staging:
        with pytest.raises(IsFolder):
            await staging.link(staging.root)


@pytest.mark.autojump
async def test_a_copy_that_takes_a_while_is_waited_for():
    """And found by looking where no id was told."""
    own = OwnDrive()
    own.tasks_run, own.tells_ids = 3, False
    async with opened(own) as staging:
        link = await staging.link(FILE)
        (copy,) = own.inside(own.runs[0].id)
        assert link.url.endswith(copy.id)
    assert own.names() == []


@pytest.mark.autojump
async def test_free_space_is_checked_first():
    """Nothing is saved into a drive that has no room; the sentence names both numbers."""
    own = OwnDrive()
    own.total = 5 * MIB
    async with opened(own) as staging:
        with pytest.raises(Denied, match=r"5 MiB left.*6 MiB"):
            await staging.link(shared("big.mkv", size=6 * MIB))
    assert own.asked == []


@pytest.mark.autojump
async def test_idle_copies_make_room_for_the_next():
    """What is being read stays; a person's files do."""
    own = OwnDrive()
    own.put("root", "mine.doc")
    own.total = 4 * MIB
    async with opened(own) as staging:
        staging.opened(shared("read.mkv"))
        for name in ("read.mkv", "idle.mkv", "next.mkv"):
            await staging.link(shared(name))
        assert own.names() == ["idle.mkv", "mine.doc", "next.mkv", "read.mkv"]
        await staging.link(shared("more.mkv"))
        assert own.names() == ["mine.doc", "more.mkv", "read.mkv"]
    assert own.names() == ["mine.doc"]


@pytest.mark.autojump
@pytest.mark.parametrize(
    "refusal", [full(), Gone("the share has expired"), Denied("the provider does not let this be")]
)
async def test_a_refusal_is_passed_on_and_leaves_nothing(refusal):
    """The next read asks again."""
    own = OwnDrive()
    own.refusals = [refusal]
    async with opened(own) as staging:
        with pytest.raises(type(refusal)):
            await staging.link(FILE)
        assert own.names() == []
        assert await staging.link(FILE)
    assert own.names() == []


@pytest.mark.autojump
async def test_a_share_token_that_is_over_is_renewed_once():
    """By a call of the share itself."""
    own, share = OwnDrive(), Share()
    own.refusals = [Unauthorized("the share's token has ended")]
    async with opened(own, share=share) as staging:
        assert await staging.link(FILE)
        assert share.stats == 1
        own.refusals = [Unauthorized("over"), Unauthorized("over")]
        with pytest.raises(Unauthorized):
            await staging.link(shared("other.mkv"))


@pytest.mark.autojump
async def test_a_copy_that_somebody_removed_is_made_again():
    """A person cleaned up; the reader does not notice."""
    own = OwnDrive()
    async with opened(own) as staging:
        await staging.link(FILE)
        (copy,) = own.inside(own.runs[0].id)
        del own.entries[copy.id], own.parents[copy.id]
        assert await staging.link(FILE, fresh=True)
    assert own.asked == [["film.mkv"]] * 2


@pytest.mark.autojump
@pytest.mark.parametrize("loss", [Unreachable("no"), TimedOut("no"), ProtocolError("no")])
async def test_a_copy_whose_answer_was_lost_is_taken_over(loss):
    """It is not made twice, and it goes like the others."""
    own = OwnDrive()
    own.losses = [loss]
    async with opened(own) as staging:
        with pytest.raises(type(loss)):
            await staging.link(FILE)
        assert own.names() == ["film.mkv"]
        await staging.link(FILE)
        assert own.names() == ["film.mkv"]
    assert own.asked == [["film.mkv"]]
    assert own.names() == []


@pytest.mark.autojump
async def test_a_save_that_was_left_half_way_is_cleaned_up():
    """A reader gave up; nobody knows what became of it."""
    own = OwnDrive()
    own.tasks_run = 1000
    async with opened(own) as staging:
        with trio.move_on_after(5) as scope:
            await staging.link(FILE)
        assert scope.cancelled_caught
        assert own.names() == ["film.mkv"]
    assert own.names() == []
    assert own.runs == []


# --- when copies go -------------------------------------------------------------------------------


@pytest.mark.autojump
async def test_a_copy_goes_when_its_link_is_over_and_its_last_reader_gone():
    """Neither alone is enough: a link may die with its file, and a reader needs the next link."""
    own = OwnDrive()
    async with opened(own) as staging:
        staging.opened(FILE)
        staging.opened(FILE)
        await staging.link(FILE)
        await trio.sleep(2000)
        assert own.names() == ["film.mkv"]
        staging.closed(FILE)
        await trio.sleep(10)
        assert own.names() == ["film.mkv"]
        await staging.link(FILE)
        staging.closed(FILE)
        await trio.sleep(890)
        assert own.names() == ["film.mkv"]
        await trio.sleep(20)
        assert own.names() == []
    assert own.asked == [["film.mkv"]]


@pytest.mark.autojump
async def test_what_cannot_be_removed_is_tried_again():
    """Until it can be."""
    own = OwnDrive()
    async with opened(own) as staging:
        await staging.link(FILE)
        removing, own.staging_remove = own.staging_remove, unreachable
        await trio.sleep(1000)
        assert own.names() == ["film.mkv"]
        own.staging_remove = removing
        await trio.sleep(120)
        assert own.names() == []


async def unreachable(copies):
    """Fail as a network does."""
    await trio.lowlevel.checkpoint()
    raise Unreachable("no network")


@pytest.mark.autojump
async def test_a_copy_that_a_person_moved_away_has_become_theirs():
    """It is looked for where it was made, and nowhere else."""
    own = OwnDrive()
    async with opened(own) as staging:
        await staging.link(FILE)
        (copy,) = own.inside(own.runs[0].id)
        own.parents[copy.id] = "root"
        await trio.sleep(1000)
    assert own.names() == ["film.mkv"]


@pytest.mark.autojump
@pytest.mark.logs("they stay")
async def test_a_file_that_a_person_put_there_stays_and_so_does_the_folder():
    """Whatever it is called, beside our copies or in the hidden folder."""
    own = OwnDrive()
    async with opened(own) as staging:
        await staging.link(FILE)
        (run,) = own.runs
        own.put(run.id, "film.mkv", digest=FILE.digest)
        own.put(own.parents[run.id], "film.mkv", digest=FILE.digest)
        own.put(own.parents[run.id], "theirs", digest="")
    assert own.names() == ["film.mkv", "film.mkv", "theirs"]
    assert [entry.id for entry in own.runs] == [run.id]


@pytest.mark.autojump
@pytest.mark.logs("they stay")
async def test_where_two_could_be_ours_neither_is_touched():
    """A lost answer, and a person's file of the same name, size and hash."""
    own = OwnDrive()
    own.losses = [Unreachable("no")]
    async with opened(own) as staging:
        with pytest.raises(Unreachable):
            await staging.link(FILE)
        own.put(own.runs[0].id, "film(2).mkv", digest=FILE.digest)
    assert own.names() == ["film(2).mkv", "film.mkv"]


@pytest.mark.autojump
@pytest.mark.logs("they stay")
@pytest.mark.parametrize(
    "other",
    [
        {"name": "other.mkv"},
        {"name": "film.mkv", "size": MIB + 1},
        {"name": "film.mkv", "digest": "sha1:" + "b" * 40},
        {"name": "film.mp4"},
    ],
)
async def test_what_only_resembles_a_lost_copy_is_not_ours(other):
    """Another name, size, hash or kind of file."""
    own = OwnDrive()
    own.refusals = [Unreachable("the question itself was lost")]
    async with opened(own) as staging:
        with pytest.raises(Unreachable):
            await staging.link(FILE)
        own.put(own.runs[0].id, **{"digest": FILE.digest, **other})
    assert own.names() == [other["name"]]


# --- crashes --------------------------------------------------------------------------------------


async def a_day(own, directory):
    """Read two files, give one back, close: the life of a process."""
    async with opened(own, directory=directory) as staging:
        await staging.link(FILE)
        await staging.link(shared("other.mkv", size=2 * MIB))


def mortal(monkeypatch, steps):
    """Let the process die before and after each line of a journal as well."""
    write, begin, end = StagingJournal._write, StagingJournal.begin, StagingJournal.end

    def written(self, line):
        steps.step("write")
        write(self, line)
        steps.step("written")

    def begun(directory):
        steps.step("begin")
        journal = begin(directory)
        held.append(journal)
        steps.step("begun")
        return journal

    def ended(self):
        steps.step("end")
        end(self)
        steps.step("ended")

    held = []
    monkeypatch.setattr(StagingJournal, "_write", written)
    monkeypatch.setattr(StagingJournal, "begin", staticmethod(begun))
    monkeypatch.setattr(StagingJournal, "end", ended)
    return held


def died(exc):
    """Tell whether a process died, whatever its nurseries made of that."""
    if isinstance(exc, BaseExceptionGroup):
        return all(died(inner) for inner in exc.exceptions)
    return isinstance(exc, Died)


async def test_a_process_may_die_at_any_moment(tmp_path, monkeypatch):
    """Saved but not told, told but not kept, removed but not kept: the next start cleans it up."""
    steps = Steps()
    with monkeypatch.context() as patch:
        mortal(patch, steps)
        await a_day(OwnDrive(steps), tmp_path / "whole")
    assert len(steps.passed) == 24
    assert {"begun", "the folder is made", "saved", "written", "removed", "ended"} <= set(
        steps.passed
    )
    for moment in range(len(steps.passed)):
        own = OwnDrive()
        own.put("root", "film.mkv", digest=FILE.digest)
        hidden = await own.staging_folder("somebody else's")
        own.put(hidden.id, "film.mkv", digest=FILE.digest)
        own.steps = Steps()
        own.steps.dies_at = moment
        directory = tmp_path / str(moment)
        with monkeypatch.context() as patch:
            held = mortal(patch, own.steps)
            with pytest.raises((Died, BaseExceptionGroup)) as info:
                await a_day(own, directory)
            assert died(info.value)
        for journal in held:
            journal.close()  # as the kernel does for the dead
        own.steps = Steps()
        async with opened(own, directory=directory):
            with trio.fail_after(10):
                while list(directory.glob("*.journal")):  # noqa: ASYNC110 (of another task)
                    await trio.sleep(0.002)
        assert own.names() == ["film.mkv", "film.mkv"], (moment, steps.passed[moment])
        assert [entry.name for entry in own.runs] == ["somebody else's"]


async def test_a_run_that_lives_is_left_alone(tmp_path):
    """Two mounts through one drive do not clean up after each other."""
    own = OwnDrive()
    async with opened(own, directory=tmp_path) as one:
        await one.link(FILE)
        async with opened(own, directory=tmp_path) as other:
            await other.link(shared("other.mkv"))
            assert own.names() == ["film.mkv", "other.mkv"]
            assert len(own.runs) == 2
        assert own.names() == ["film.mkv"]
    assert own.names() == []
    assert list(tmp_path.glob("*.journal")) == []


async def test_what_cannot_be_removed_at_the_end_is_removed_by_the_next_start(tmp_path):
    """Closing does not wait for a network that is gone."""
    own = OwnDrive()
    removing = own.staging_remove
    async with opened(own, directory=tmp_path) as staging:
        await staging.link(FILE)
        own.staging_remove = unreachable
    assert own.names() == ["film.mkv"]
    own.staging_remove = removing
    async with opened(own, directory=tmp_path):
        with trio.fail_after(10):
            while own.names():  # noqa: ASYNC110 (of another task)
                await trio.sleep(0.002)
            while list(tmp_path.glob("*.journal")):  # noqa: ASYNC110
                await trio.sleep(0.002)
    assert own.runs == []


async def test_nothing_is_saved_where_no_journal_can_be_kept(tmp_path):
    """A crash would leave it for ever."""
    own = OwnDrive()
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    async with opened(own, directory=blocked / "staging") as staging:
        with pytest.raises(StoreFault):
            await staging.link(FILE)
    assert own.asked == []
    assert own.entries == {}
