"""What is open while its provider changes it."""

from __future__ import annotations

import errno
import os

import pytest

from fsmount import control
from tests.mount.standing import wait_for

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(120)]


def test_a_file_that_becomes_smaller_does_not_end_early_for_who_has_it_open(cloud, mount, tree):
    """The rest of the old version, or an error: a copy under way must not end well, and short."""
    (tree / "big.bin").write_bytes(b"a" * 1_000_000)
    with mount(cloud.source) as standing:
        path = standing.path / "big.bin"
        with path.open("rb", 0) as file:
            assert file.read(1000) == b"a" * 1000
            (tree / "big.bin").write_bytes(b"b" * 5000)
            control.ask(standing.socket, "refresh", path=".")
            assert path.read_bytes() == b"b" * 5000
            try:
                rest = os.pread(file.fileno(), 1000, 500_000)
            except OSError as exc:
                rest = exc.errno
            assert rest in (b"a" * 1000, errno.ESTALE)
        wait_for(lambda: os.stat(path).st_size == 5000, 5)


def test_a_file_that_is_overwritten_by_as_many_bytes_is_not_mixed(cloud, mount, tree):
    """Cached bytes of the listed version do not go on with those of a later one."""
    size = 12_000_000
    path = tree / "big.bin"
    path.write_bytes(b"a" * size)
    with mount(cloud.source) as standing:
        with (standing.path / "big.bin").open("rb", 0) as file:
            assert os.pread(file.fileno(), 1000, 0) == b"a" * 1000
        path.write_bytes(b"b" * size)
        cloud.ask("POST", "/expire", {"what": "links"})
        with (standing.path / "big.bin").open("rb", 0) as file:
            try:
                read = [os.pread(file.fileno(), 1000, offset) for offset in (0, size - 1000)]
            except OSError as exc:
                read = exc.errno
        assert read in ([b"a" * 1000] * 2, [b"b" * 1000] * 2, errno.ESTALE)
