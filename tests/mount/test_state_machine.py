"""Any life of a mount: a provider that changes, programs that read, and things that go wrong.

A real mount of an account, in the real kernel, is held to a model of everything that its provider
ever had. ``FSMOUNT_CAMPAIGN=500`` runs 500 lives chosen at random instead of the few that are
always the same.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fsmount import control, errors
from tests.emulators import run_emulator
from tests.mount.model import Provider
from tests.mount.standing import Places, share

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(900)]

CAMPAIGN = int(os.environ.get("FSMOUNT_CAMPAIGN", "0"))

NAMES = [
    "a.txt",
    "b",
    "文件 夹",
    "🎬 film 🍿.mkv",
    "100% sure?",
    "#1 & a+b=c",
    "..two dots",
    " spaces ",
    "back\\slash",
    unicodedata.normalize("NFD", "Amélie"),
    "文" * 85,
]
# Around the borders of pages, cells (128 KiB) and blocks (4 MiB); small ones more often.
SIZES = [0, 1, 5, 4095, 4096, 4097, 100_000, 131_071, 131_073, 400_000, 4_194_305]
OFFSETS = [0, 0, 1, 4095, 4097, 65_537, 131_072, 300_001, 4_194_303]
LENGTHS = [1, 7, 4096, 5000, 131_073, 1_000_000]

NUMBER = st.integers(0, 99)
NAME = st.sampled_from(NAMES)
SIZE = st.sampled_from(SIZES)

# How a request may fail while something is wrong; never ENOENT.
TROUBLE = {errno.EIO, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EACCES}
# How a folder fails that is not there any more.
ABSENT = {errno.ENOENT, errno.ESTALE, errno.ENOTDIR}
# What a read may meet when the provider has another version by now, or none.
PASSED = {errno.ESTALE, errno.EIO, errno.ENOENT}

EVERYTHING = 1 << 40
MOST_REMOUNTS = 3
MOST_EXPIRIES = 3  # a site that rejects five tokens in a minute is asked no more, for good reason

HEALED_WITHIN_S = 45.0
TOLD_WITHIN_S = 3.0

# Maps a whole file and writes it out: a failing page ends the program with SIGBUS.
MAP = """
import mmap, os, sys
with open(sys.argv[1], "rb") as file:
    size = os.fstat(file.fileno()).st_size
    if size:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as map:
            sys.stdout.buffer.write(map[:])
"""


@dataclass
class Open:
    """An open file, and the versions of which all that was read from it may be."""

    path: tuple[str, ...]
    descriptor: int
    candidates: list[bytes]


class Life(RuleBasedStateMachine):
    """One provider, one mount, and what is seen of it."""

    def __init__(self):
        super().__init__()
        self.stack = contextlib.ExitStack()
        top = Path(self.stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        for name in ("tree", "aside"):
            (top / name).mkdir()
        self.places = Places(top)
        self.provider = Provider(top / "tree", top / "aside")
        self.mounting = contextlib.ExitStack()
        self.open = []
        self.known = {()}  # folders whose listing was seen
        self.loose = set()  # folders out of which the mount took what it found missing
        self.inodes = {}
        self.troubled = False
        self.healed_at = 0.0
        self.remounts = self.expiries = 0
        self.shown = {}

    @initialize(sizes=st.lists(SIZE, min_size=1, max_size=4))
    def begin(self, sizes):
        """Two folders and some files are there already."""
        self.provider.make(("d",))
        self.provider.make(("d", "文件 夹"))
        for number, size in enumerate(sizes):
            self.provider.write((*["d"] * (number % 2), NAMES[number]), size)
        self.cloud = self.stack.enter_context(run_emulator(self.provider.root))
        self.mount()

    def mount(self):
        option = f"config={self.cloud.config}"
        self.standing = self.mounting.enter_context(share(self.places, "demo", option))

    def teardown(self):
        with self.stack, self.mounting:
            for file in self.open:
                os.close(file.descriptor)

    # --- the provider changes -----------------------------------------------------------------

    def folder(self, where):
        """Return one of the provider's folders, not too deep."""
        folders = [folder for folder in self.provider.folders() if len(folder) < 3]
        return folders[where % len(folders)]

    def changed(self, folder, told):
        """Let the mount know of a change in ``folder``, or not."""
        if told:
            self.refresh_down_to(folder)

    @rule(where=NUMBER, name=NAME, size=SIZE, told=st.booleans())
    def write(self, where, name, size, told):
        """A file is added, or overwritten, or takes a folder's place."""
        folder = self.folder(where)
        self.provider.write((*folder, name), size)
        self.changed(folder, told)

    @rule(which=NUMBER, told=st.booleans())
    def rewrite(self, which, told):
        """A file gets other bytes, as many as before."""
        files = self.provider.files()
        if files:
            path = files[which % len(files)]
            self.provider.write(path, len(self.provider.content(path)))
            self.changed(path[:-1], told)

    @rule(where=NUMBER, name=NAME, told=st.booleans())
    def make(self, where, name, told):
        """A folder is added, or takes a file's place."""
        folder = self.folder(where)
        self.provider.make((*folder, name))
        self.changed(folder, told)

    @rule(which=NUMBER, told=st.booleans())
    def remove(self, which, told):
        """A file goes, or a folder with all that is in it."""
        entries = self.provider.entries()
        if entries:
            path = entries[which % len(entries)]
            self.provider.remove(path)
            self.changed(path[:-1], told)

    @rule(which=NUMBER, where=NUMBER, name=NAME, told=st.booleans())
    def rename(self, which, where, name, told):
        """Something gets another name, in its folder or in another."""
        entries = self.provider.entries()
        if entries:
            path = entries[which % len(entries)]
            self.provider.rename(path, (*self.folder(where), name))
            self.changed(path[:-1] if path[:-1] in self.provider.folders() else (), told)

    # --- things go wrong ----------------------------------------------------------------------

    @rule(what=st.sampled_from(["links", "access", "refresh", "all"]), where=NUMBER)
    def expire(self, what, where):
        """Nobody may notice: what is signed is signed again."""
        if what != "links":
            self.expiries += 1
            if self.expiries > MOST_EXPIRIES:
                return
        self.cloud.ask("POST", "/expire", {"what": what})
        self.refresh(where)
        self.read_whole(where)

    @rule(
        action=st.sampled_from(["drop", "reset", "half_body", "html", "status", "short_body"]),
        kind=st.sampled_from([None, "content", "list", "url"]),
        count=st.sampled_from([1, 2, 30]),
        status=st.sampled_from([429, 502, 503]),
        where=NUMBER,
    )
    def fault(self, action, kind, count, status, where):
        """Some requests fail, or all for a while; a listing and a read are met by it."""
        self.cloud.fault(action, kind=kind, count=count, status=status, retry_after="1")
        self.troubled = True
        self.refresh(where)
        self.read_whole(where)

    @rule(kind=st.sampled_from(["list", "url"]), where=NUMBER)
    def delay(self, kind, where):
        """Slow answers are no failure. Bytes are not delayed: a file may be replaced meanwhile."""
        self.cloud.fault("delay", kind=kind, count=2, seconds=0.3)
        self.refresh(where)
        self.read_whole(where)

    @precondition(lambda self: self.troubled)
    @rule()
    def heal(self):
        """Nothing goes wrong any more: the mount is well again, by itself and in time."""
        self.cloud.heal()
        self.troubled = False
        self.healed_at = time.monotonic()

    def eventually(self, try_it):
        """Do what must succeed; for a while after a heal it may still fail."""
        while (failure := met(try_it)[1]) is not None:
            assert failure.errno in TROUBLE, failure
            assert self.is_recovering(), failure
            time.sleep(0.2)

    def is_recovering(self):
        return time.monotonic() < self.healed_at + HEALED_WITHIN_S

    # --- folders ------------------------------------------------------------------------------

    def at(self, path):
        return self.standing.path.joinpath(*path)

    @rule(which=NUMBER)
    def refresh(self, which):
        """A folder that may never have been listed, or long ago."""
        folders = self.provider.folders()
        self.refresh_down_to(folders[which % len(folders)])

    def refresh_down_to(self, folder):
        """A folder and those above it are listed anew: they show what the provider has."""
        for depth in range(len(folder) + 1):
            path = folder[:depth]
            ask = functools.partial(self.ask_to_refresh, path)
            if not self.troubled:
                self.eventually(ask)
            elif (failure := met(ask)[1]) is not None:
                assert failure.errno in TROUBLE, failure
                return
            self.provider.told(path)
            self.loose.discard(path)
            self.see(path)
            self.attributes_are_told(path)

    def ask_to_refresh(self, path):
        try:
            control.ask(self.standing.socket, "refresh", path="/".join(path), timeout_s=90)
        except errors.FsmountError as exc:
            raise OSError(errors.errno_of(exc), str(exc)) from exc

    def attributes_are_told(self, folder):
        """Wait until the kernel says of each file what the provider has."""
        for path in self.provider.files():
            if path[:-1] != folder:
                continue
            version = self.provider.versions[path][-1]
            expected = (len(version.content), version.mtime_ns)
            deadline = time.monotonic() + TOLD_WITHIN_S
            while (told := self.stat(path)) != expected:
                assert time.monotonic() < deadline, (path, told, expected)
                time.sleep(0.01)

    def stat(self, path):
        found = os.stat(self.at(path))
        return found.st_size, found.st_mtime_ns

    @rule(which=NUMBER)
    def look(self, which):
        """A folder is listed that may never have been."""
        folders = [
            (*folder, name)
            for folder, state in self.shown.items()
            for name, shown in state.items()
            if shown.is_folder
        ]
        if not folders:
            return
        folder = sorted(folders)[which % len(folders)]
        _, failure = met(lambda: os.listdir(self.at(folder)))
        if failure is None:
            self.known.add(folder)
        elif failure.errno in ABSENT:
            assert folder not in self.provider.folders(), failure
            self.loosen(folder)
        else:
            assert failure.errno in TROUBLE, failure
            assert folder not in self.known, failure
            assert self.troubled or self.is_recovering(), failure

    def loosen(self, path):
        """The mount found out by itself that ``path`` is gone: it may show the rest as it was."""
        self.loose.update(path[:depth] for depth in range(len(path)))

    @invariant()
    def what_was_seen_is_still_there(self):
        """Each folder shows a state that its provider had, and never an older one than before.

        Whatever fails: what is known is shown.
        """
        self.shown = {}
        waiting = [((), ())]
        for folder, kinds in waiting:
            state = self.see(folder)
            if state is None:
                continue
            self.shown[folder] = state
            for name, shown in state.items():
                path, numbers = (*folder, name), (*kinds, shown.kind_number)
                self.number_stays(path, numbers)
                if shown.is_folder and path in self.known:
                    waiting.append((path, numbers))

    def see(self, folder):
        """List a folder that is known; return the state of the provider that it shows."""
        kinds, failure = met(lambda: kinds_in(self.at(folder)))
        if failure is not None:
            # Listed behind, it turned out to be gone.
            assert failure.errno in ABSENT, (folder, failure)
            assert folder not in self.provider.folders(), (folder, failure)
            self.loosen(folder)
            return None
        found = self.provider.recognised(folder, kinds)
        if found is None:
            assert folder in self.loose, (folder, sorted(kinds), self.provider.states(folder))
            assert self.provider.explained(folder, kinds), (folder, sorted(kinds))
            return None
        state, is_certain = found
        self.certain = is_certain
        self.known.add(folder)
        return state

    def number_stays(self, path, numbers):
        """The same thing has the same inode as long as it is there, and after a remount."""
        if not self.certain:
            return
        inode = os.stat(self.at(path)).st_ino
        assert self.inodes.setdefault((path, numbers), inode) == inode, path

    # --- files --------------------------------------------------------------------------------

    def pick(self, which):
        """Return a file that is shown and the versions that it may be of; None without one."""
        self.what_was_seen_is_still_there()
        files = sorted(
            ((*folder, name), shown.version)
            for folder, state in self.shown.items()
            for name, shown in state.items()
            if not shown.is_folder
        )
        if not files:
            return None
        path, first = files[which % len(files)]
        return path, [version.content for version in self.provider.versions[path][first:]]

    def is_current(self, path, candidates):
        """Tell whether the only version that the mount may show is what the provider has."""
        return (
            len(candidates) == 1
            and path in self.provider.files()
            and self.provider.content(path) == candidates[0]
        )

    def allowed(self, file):
        """Return how a read of this file may fail now; {} when it must not."""
        allowed = set()
        if not self.is_current(file.path, file.candidates):
            allowed |= PASSED
        if self.troubled or self.is_recovering():
            allowed |= TROUBLE
        if any(other.path == file.path for other in self.open):
            # While another version is open the kernel keeps no pages, and maps none to share.
            allowed.add(errno.ENODEV)
        return allowed

    def took(self, file, offset, length, read):
        """Read, and hold the bytes to the versions that they may be of; or the failure."""
        data, failure = met(read)
        if failure is not None:
            assert failure.errno in self.allowed(file), (file.path, failure)
            return
        found = [c for c in file.candidates if c[offset : offset + length] == data]
        assert found, (
            f"{file.path}: {len(data)} bytes of {length} from {offset} are of none of the versions"
            f" of {[len(c) for c in file.candidates]} bytes"
            f" {[_first_difference(c[offset : offset + length], data) for c in file.candidates]}"
        )
        file.candidates = found

    @rule(which=NUMBER)
    def open_file(self, which):
        picked = self.pick(which)
        if picked is None or len(self.open) >= 8:
            return
        path, candidates = picked
        descriptor, failure = met(lambda: os.open(self.at(path), os.O_RDONLY))
        if failure is not None:
            assert failure.errno in {errno.ENOENT, errno.ESTALE}, failure
            assert not self.is_current(path, candidates), failure
        else:
            self.open.append(Open(path, descriptor, candidates))

    @rule(which=NUMBER, offset=st.sampled_from(OFFSETS), length=st.sampled_from(LENGTHS))
    def read_open(self, which, offset, length):
        """All that is read through a handle is of one version."""
        if not self.open:
            self.open_file(which)
        if not self.open:
            return
        file = self.open[which % len(self.open)]
        self.took(file, offset, length, lambda: os.pread(file.descriptor, length, offset))

    @precondition(lambda self: self.open)
    @rule(which=NUMBER)
    def close(self, which):
        os.close(self.open.pop(which % len(self.open)).descriptor)

    @precondition(lambda self: self.open)
    @rule(which=NUMBER)
    def drop_pages(self, which):
        """The kernel forgets the pages of a file, as it does when it needs its memory."""
        os.posix_fadvise(self.open[which % len(self.open)].descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    @rule(which=NUMBER)
    def read_whole(self, which):
        """A file is opened and read to its end: all of one version."""
        picked = self.pick(which)
        if picked is None:
            return
        file = Open(picked[0], -1, picked[1])
        self.took(file, 0, EVERYTHING, self.at(file.path).read_bytes)

    @rule(which=NUMBER)
    def map(self, which):
        """A program maps a file into its memory: all of one version, or it ends."""
        picked = self.pick(which)
        if picked is None:
            return
        file = Open(picked[0], -1, picked[1])
        self.took(file, 0, EVERYTHING, lambda: mapped(self.at(file.path)))

    # --- the mount itself ---------------------------------------------------------------------

    @precondition(lambda self: self.remounts < MOST_REMOUNTS)
    @rule(offline=st.booleans())
    def remount(self, offline):
        """It ends and comes again, with the network or without: the same tree, the same numbers."""
        self.remounts += 1
        while self.open:
            os.close(self.open.pop().descriptor)
        self.standing.process.send_signal(signal.SIGTERM)
        assert self.standing.wait_until_over() == 0
        self.mounting.close()
        if offline:
            self.cloud.fault("drop")
        self.mount()
        self.what_was_seen_is_still_there()
        if offline:
            self.cloud.heal()
            self.troubled = False
            self.healed_at = time.monotonic()


def met(try_it):
    """Do it; return what it returned, and how it failed."""
    try:
        return try_it(), None
    except OSError as exc:
        return None, exc


def kinds_in(folder):
    """Return name to is-a-folder."""
    with os.scandir(folder) as entries:
        return {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}


def mapped(path):
    """Return the bytes that a program of its own finds where it maps a file."""
    argv = [sys.executable, "-S", "-c", MAP, path]
    done = subprocess.run(argv, capture_output=True, timeout=90, check=False)
    if done.returncode:
        # SIGBUS tells that there was an error, and nothing about it.
        assert done.returncode in (1, -signal.SIGBUS), done
        said = done.stderr.decode()
        raise OSError(errno.ENODEV if f"[Errno {errno.ENODEV}]" in said else errno.EIO, said)
    return done.stdout


def _first_difference(one, other):
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return place
    return min(len(one), len(other))


def test_any_life_of_a_mount_is_true_to_its_provider():
    """Names, sizes, bytes and numbers, through changes, faults, expiries and remounts."""
    phases = [Phase.explicit, Phase.generate]
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=CAMPAIGN or 5,
            stateful_step_count=120,
            derandomize=not CAMPAIGN,
            database=None,
            deadline=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )
