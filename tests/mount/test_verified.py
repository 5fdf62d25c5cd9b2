"""``fio`` finds every block of a mounted file as it was written, however it reads."""

from __future__ import annotations

import os

import pytest

from tests.mount.standing import run

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(240)]

BLOCK = 16 * 1024
SIZE = 48 * 1024 * 1024
VERIFIED = ("--filename=verified.bin", f"--bs={BLOCK}", f"--size={SIZE}", "--verify=crc32c")


@pytest.fixture
def verified(tree):
    """A file in which each block holds its own checksum and place."""
    run(
        *("fio", "--name=made", "--rw=write", "--ioengine=psync", "--do_verify=0"),
        *("--randseed=7", *VERIFIED),
        cwd=tree,
    )
    return tree / "verified.bin"


def read(folder, engine, *, jobs=3):
    """Have ``jobs`` processes read every block at random and verify it."""
    return run(
        *("fio", "--name=read", "--readonly", "--rw=randread", f"--ioengine={engine}"),
        *(f"--numjobs={jobs}", "--randseed=7", *VERIFIED),
        cwd=folder,
        check=False,
    )


@pytest.mark.parametrize("options", ["cache=0", "cache=64M,memory=32M"])
@pytest.mark.parametrize("engine", ["psync", "mmap"])
def test_random_reads_of_several_jobs_verify(cloud, mount, verified, engine, options):
    """From the network, and from a disk cache under a small budget of memory."""
    assert verified.stat().st_size == SIZE
    with mount(cloud.source, options) as standing:
        done = read(standing.path, engine)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout.count(b"err= 0") == 3


def test_a_wrong_byte_would_be_found(cloud, mount, verified):
    """The check can fail."""
    with verified.open("r+b") as file:
        file.seek(BLOCK * 100 + 5000)
        file.write(os.urandom(64))
    with mount(cloud.source, "cache=0") as standing:
        done = read(standing.path, "psync", jobs=1)
        assert done.returncode != 0
        assert b"verify" in done.stderr
