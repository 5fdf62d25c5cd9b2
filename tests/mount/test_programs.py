"""Ordinary programs on a mounted share see exactly what is in the shared folder."""

from __future__ import annotations

import collections
import hashlib
import mmap
import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.emulators import run_emulator
from tests.mount.standing import Places, run, share
from tests.mount.trees import GIB, make_awful, make_sparse

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(300)]

Shared = collections.namedtuple("Shared", "tree mount cloud top")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Keep one awful tree mounted for the whole module."""
    top = tmp_path_factory.mktemp("shared").resolve()
    tree = top / "tree"
    tree.mkdir()
    make_awful(tree)
    with run_emulator(tree) as cloud, share(Places(top), cloud.source) as mount:
        yield Shared(tree, mount, cloud, top)


def test_diff_finds_no_difference(shared):
    """Every name, every byte, both ways."""
    assert run("diff", "-r", shared.tree, shared.mount.path, within_s=280).stdout == b""


def test_rsync_would_change_nothing(shared):
    """By checksum; with --delete a name too many would show as well."""
    argv = ["rsync", "-rcn", "--delete", "--out-format=%o %n"]
    there = run(*argv, f"{shared.tree}/", f"{shared.mount.path}/", within_s=280).stdout
    back = run(*argv, f"{shared.mount.path}/", f"{shared.tree}/", within_s=280).stdout
    assert (there, back) == (b"", b"")


def test_find_sees_every_name_size_and_kind(shared):
    """3,000 in one folder, six levels, and names of every sort, byte for byte."""
    argv = ["find", ".", "-type", "f", "-printf", "%p %s\\0", "-o", "-printf", "%p %y\\0"]
    expected = sorted(run(*argv, cwd=shared.tree).stdout.split(b"\0"))
    assert sorted(run(*argv, cwd=shared.mount.path).stdout.split(b"\0")) == expected
    assert len(expected) > 3050


def test_times_are_those_of_the_provider(shared):
    """To the second; the clock of the reader plays no part."""
    for name in ("one byte", "many/IMG_00007.jpg"):
        served = os.stat(shared.mount.path / name).st_mtime
        assert served == pytest.approx(os.stat(shared.tree / name).st_mtime, abs=1)


def test_a_copied_folder_is_whole(shared, tmp_path):
    """``cp -r`` of names and sizes at the borders."""
    run("cp", "-r", shared.mount.path / "names", tmp_path / "names")
    run("diff", "-r", shared.tree / "names", tmp_path / "names")


def test_rsync_copies_it_and_has_nothing_to_do_the_second_time(shared, tmp_path):
    """Sizes and times are stable, so a second run transfers nothing."""
    argv = ["rsync", "-a", "--out-format=%n", f"{shared.mount.path}/level 1", tmp_path]
    assert run(*argv).stdout
    assert run(*argv).stdout == b""


def test_grep_finds_what_is_there(shared):
    """``grep -r`` reads every file of a folder."""
    argv = ["grep", "-r", "-l", "below 2[0-9]", "."]
    expected = sorted(run(*argv, cwd=shared.tree / "names").stdout.splitlines())
    assert sorted(run(*argv, cwd=shared.mount.path / "names").stdout.splitlines()) == expected
    assert expected


def test_checksums_agree(shared):
    """``md5sum`` over sizes at the borders of cells and blocks."""
    names = [name for name in os.listdir(shared.tree) if name.endswith(".bin")]
    expected = run("md5sum", *names, cwd=shared.tree).stdout
    assert run("md5sum", *names, cwd=shared.mount.path).stdout == expected


@pytest.mark.parametrize(
    "words",
    [
        ["bs=1M"],
        ["bs=4096", "skip=1000", "count=7"],
        ["bs=1", "skip=131071", "count=3"],
        ["bs=1M", "iflag=direct"],
        ["bs=65536", "skip=33", "count=40", "iflag=direct"],
        ["bs=1M", "skip=9"],
        ["bs=1M", "skip=100"],
    ],
    ids=" ".join,
)
def test_dd_reads_any_part(shared, words):
    """With and without the page cache, across the end and past it."""
    expected = run("dd", f"if={shared.tree}/9999999.bin", *words).stdout
    assert run("dd", f"if={shared.mount.path}/9999999.bin", *words).stdout == expected


def test_the_tail_is_read_alone(shared):
    """``tail -c`` seeks: it must not read what is before."""
    path = shared.mount.path / "4194305.bin"
    expected = (shared.tree / "4194305.bin").read_bytes()[-100_000:]
    assert run("tail", "-c", "100000", path).stdout == expected


def test_mapped_memory_shows_the_same_bytes(shared):
    """Page faults anywhere, the last page too."""
    expected = (shared.tree / "9999999.bin").read_bytes()
    with (
        (shared.mount.path / "9999999.bin").open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
    ):
        spread = random.Random(3)
        for _ in range(200):
            place = spread.randrange(len(expected))
            assert mapped[place : place + 5000] == expected[place : place + 5000]
        assert mapped[-1:] == expected[-1:]
        assert hashlib.md5(mapped).digest() == hashlib.md5(expected).digest()


def test_sixty_four_readers_at_once_get_their_own_bytes(shared):
    """One half reads the same file, the other half each its own."""
    large = (shared.tree / "9999999.bin").read_bytes()
    spread = random.Random(4)

    def read(number):
        if number % 2:
            name = f"many/IMG_{number:05}.jpg"
            return (shared.mount.path / name).read_text() == f"picture {number}\n"
        with (shared.mount.path / "9999999.bin").open("rb", buffering=0) as file:
            for _ in range(20):
                place = spread.randrange(len(large))
                if os.pread(file.fileno(), 50_000, place) != large[place : place + 50_000]:
                    return False
        return True

    with ThreadPoolExecutor(64) as readers:
        assert all(readers.map(read, range(64)))


def test_copying_inside_the_kernel_works(shared, tmp_path):
    """What sendfile and copy_file_range do goes through the page cache too."""
    expected = (shared.tree / "4194303.bin").read_bytes()
    with (
        (shared.mount.path / "4194303.bin").open("rb") as source,
        (tmp_path / "a").open("wb") as target,
    ):
        while os.sendfile(target.fileno(), source.fileno(), None, 1 << 20):
            pass
    assert (tmp_path / "a").read_bytes() == expected
    shutil.copyfile(shared.mount.path / "4194303.bin", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == expected


def test_an_empty_file_and_an_empty_folder_are_empty(shared):
    """Neither an error nor anything else."""
    assert (shared.mount.path / "empty file").read_bytes() == b""
    assert os.listdir(shared.mount.path / "empty folder") == []


def test_five_gibibytes_are_addressed_right(tmp_path):
    """Both ends of a sparse file, the border at 4 GiB, and odd places; nothing in between."""
    top = tmp_path.resolve()
    tree = top / "tree"
    tree.mkdir()
    places = make_sparse(tree / "sparse.bin")
    with (
        run_emulator(tree) as cloud,
        share(Places(top), cloud.source) as mount,
        (mount.path / "sparse.bin").open("rb", buffering=0) as served,
        (tree / "sparse.bin").open("rb", buffering=0) as original,
    ):
        assert os.fstat(served.fileno()).st_size == 5 * GIB
        for place in [*places, 5 * GIB - 10, 5 * GIB, 2 * GIB + 1]:
            assert os.pread(served.fileno(), 300_000, place) == os.pread(
                original.fileno(), 300_000, place
            ), place
        sent = cloud.stats()["sent_bytes"]
        assert sum(sent.values()) < 500 * 1024 * 1024, sent
