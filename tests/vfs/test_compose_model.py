"""Any sequence of changes in two remotes at one place: the tree is sound and shows all of both."""

from __future__ import annotations

import logging

import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsmount import errors
from fsmount.vfs.compose import layout_of
from tests.vfs.cloud import ROOT, Cloud, DictStore, FakeKernel, member_of, opened, rows_of
from tests.vfs.test_model import sound

NUMBER = st.integers(0, 7)
NAMES = st.sampled_from(["a", "b", "c", "top"])
WHO = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("add"), WHO, NUMBER, NAMES, st.booleans()),
    st.tuples(st.just("add"), WHO, st.just(0), NAMES, st.just(True)),
    st.tuples(st.just("remove"), WHO, NUMBER, NUMBER),
    st.tuples(st.just("rename"), WHO, NUMBER, NUMBER, NAMES),
    st.tuples(st.just("fail"), WHO, st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([3, 60, 1000])),
    st.tuples(st.just("walk")),
    st.tuples(st.just("remount")),
)


class Life:
    """Two remotes in union and a third mounted inside them, and a kernel that walks."""

    def __init__(self):
        self.clouds = [Cloud(page_size=2) for _ in range(3)]
        self.store = DictStore()

    def layout(self):
        b, c, inside = (
            member_of(cloud, name=name, ttl_s=50.0)
            for cloud, name in zip(self.clouds, "bci", strict=True)
        )
        return layout_of({"/": [b, c], "/top": [inside]})

    def picked(self, who, where):
        folders = [ROOT, *(e for es in self.clouds[who].folders.values() for e in es)]
        folders = [entry for entry in folders if entry.is_folder]
        return self.clouds[who], folders[where % len(folders)]

    async def add(self, who, where, name, is_folder):
        cloud, parent = self.picked(who, where)
        (cloud.folder if is_folder else cloud.file)(name, parent)

    async def remove(self, who, where, which):
        cloud, parent = self.picked(who, where)
        if entries := cloud.folders[parent.id]:
            gone = [entries.pop(which % len(entries))]
            for entry in gone:
                gone += cloud.folders.pop(entry.id, [])

    async def rename(self, who, where, which, name):
        cloud, parent = self.picked(who, where)
        if entries := cloud.folders[parent.id]:
            cloud.change(entries[which % len(entries)], parent, name=name)

    async def fail(self, who, fails):
        async def meet(_folder, _cursor):
            raise errors.Unreachable("no network")

        self.clouds[who].meet = meet if fails else None

    async def wait(self, seconds):
        await trio.sleep(seconds)

    async def walk(self):
        """Return what the tree shows: path to inode, and how many folders ended in an error."""
        shown, failures = {}, 0
        folders = [("", 1)]
        for path, inode in folders:
            try:
                rows = await rows_of(self.fs, inode)
            except errors.FsmountError:
                failures += 1
                continue
            assert len({row.name for row in rows}) == len(rows)
            for row in rows:
                self.fs.remember(row.attributes.inode)
                self.walked.append((row.attributes.inode, 1))
                shown[f"{path}/{row.name}"] = row.attributes.inode
                if row.attributes.is_folder:
                    folders.append((f"{path}/{row.name}", row.attributes.inode))
        assert len(set(shown.values())) == len(shown)
        return shown, failures

    async def live(self, steps):
        begun = 0
        while begun <= len(steps):
            async with opened(
                self.layout(), store=self.store, kernel=FakeKernel(), nodes_in_memory=8
            ) as self.fs:
                self.walked = []
                for name, *arguments in steps[begun:]:
                    begun += 1
                    if name == "remount":
                        break
                    await getattr(self, name)(*arguments)
                    await trio.testing.wait_all_tasks_blocked()
                    sound(self.fs._tree)
                    self.fs.forget(self.walked)
                    self.walked = []
                else:
                    return await self.settle()
        return None

    async def settle(self):
        """All remotes are well again: each entry is shown once, also after a remount."""
        for who in range(3):
            await self.fail(who, False)
        for _ in range(4):  # a folder that came or went is seen when the one above is listed
            await trio.sleep(1000)
            shown, failures = await self.walk()
        sound(self.fs._tree)
        assert not failures
        assert sorted(shown.values()) == sorted(set(shown.values()))
        ids = set()
        for path, inode in shown.items():
            node = self.fs._tree.node(inode)
            parts = [part for part in getattr(node, "parts", ()) if part.above is not None]
            listed = [(part.key, part.entry.id) for part in parts]
            if not node.is_folder:
                listed = [(node.part.key, node.entry.id)]
            assert not ids.intersection(listed), path
            ids.update(listed)
        there = {
            (f"{name}:1" + " /top" * (name == "i"), entry.id)
            for cloud, name in zip(self.clouds, "bci", strict=True)
            for entries in cloud.folders.values()
            for entry in entries
        }
        assert ids == there
        return shown


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=5, max_size=40))
def test_two_remotes_at_one_place_live_any_life(steps):
    """Nothing is lost, doubled or left behind; a remount shows the same under the same numbers."""

    async def both():
        life = Life()
        shown = await life.live(steps)
        if shown is not None:
            async with opened(life.layout(), store=life.store) as life.fs:
                life.walked = []
                again, failures = await life.walk()
                assert (again, failures) == (shown, 0)

    logging.disable()  # hundreds of lives, and every outage of each is told
    try:
        trio.run(both, clock=trio.testing.MockClock(autojump_threshold=0))
    finally:
        logging.disable(logging.NOTSET)
