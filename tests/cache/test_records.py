"""Records: raw bytes with checksums; whatever happens to a file, wrong bytes are never good."""

from __future__ import annotations

import errno
import os
import random
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsmount.cache.buffers import BLOCK, PAGE
from fsmount.cache.memory import ALL_CELLS, CELL, cells_of
from fsmount.cache.records import (
    EXTENT_CELLS,
    DirectIO,
    Extent,
    Record,
    charge_of,
    decode,
    encode,
    read_record,
    write_record,
)
from tests.cache.fakes import failing, key_of, new_block, wrong_cells

LENGTHS = [1, PAGE - 1, PAGE, PAGE + 1, CELL - 1, CELL, CELL + 1, 3 * CELL + 5, BLOCK - 1, BLOCK]
SPARSE = 0b1000_0000_0000_1111_0000_0110_0000_0001


class PageCache(DirectIO):
    """A filesystem without direct I/O."""

    def __init__(self):
        super().__init__()
        self.refused()


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "record")


def written(path, length, cells=None, direct=None):
    """Write a record; return its block, the bytes in the file and the extents."""
    block = new_block(key_of(length), 0, cells)
    size, extents = write_record(path, block.view, block.length, block.valid, direct or DirectIO())
    return block, size, extents


def read(path, extents, length, wanted, direct=None):
    """Read into fresh memory; check what is good and that nothing else was touched."""
    block = new_block(key_of(length), 0, filled=False)
    block.view[:] = b"\xa5" * len(block.view)
    good, _ = read_record(path, extents, wanted, block.view, length, direct or DirectIO())
    assert good & ~wanted == 0
    assert wrong_cells(block, good) == 0
    for cell in range(-(-length // CELL)):
        if not wanted >> cell & 1:
            part = bytes(block.view[cell * CELL : (cell + 1) * CELL])
            assert part == b"\xa5" * len(part), f"cell {cell} was not asked for"
    return good


@pytest.mark.parametrize("direct", [DirectIO, PageCache])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_block_of_any_length_comes_back(path, length, direct):
    """From one byte to a whole block, with direct I/O or without; the file has no padding."""
    block, size, extents = written(path, length, direct=direct())
    assert size == length == os.path.getsize(path)
    assert read(path, extents, length, block.valid, direct()) == block.valid


@pytest.mark.parametrize("direct", [DirectIO, PageCache])
@pytest.mark.parametrize("length", [BLOCK, BLOCK - 4711])
@pytest.mark.parametrize("cells", [1, 1 << 31, SPARSE, 0x5555_5555, 0xFFFF_0000])
def test_single_cells_come_back(path, length, cells, direct):
    """The file has the cells one after the other, and only they are good."""
    block, size, extents = written(path, length, cells, direct())
    last_is_short = cells >> 31 & 1 and length < BLOCK
    assert size == cells.bit_count() * CELL - (4711 if last_is_short else 0)
    assert os.path.getsize(path) == size
    assert Record("k", "f", size, extents).cells == cells
    assert read(path, extents, length, cells, direct()) == cells == block.valid


@pytest.mark.parametrize("wanted", [1, 0b110, 1 << 7, 0b1_1000_0000, 0xFF00, SPARSE, 1 << 31])
def test_part_of_a_record_is_read_without_touching_the_rest(path, wanted):
    """Cells beside the wanted ones may be in use or in flight: their memory is left alone."""
    _, _, extents = written(path, BLOCK)
    assert read(path, extents, BLOCK, wanted) == wanted


def test_a_record_holds_the_raw_bytes(path):
    """No header, no pickle, no compression: the file is the cells."""
    block, _, _ = written(path, 2 * CELL + 100)
    with open(path, "rb") as file:
        assert file.read() == bytes(block.bytes[: block.length])


def test_only_its_owner_can_read_a_record(path):
    """Cached bytes are private, whatever the umask is."""
    old = os.umask(0)
    try:
        written(path, CELL)
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_name_that_is_taken_is_an_error(path):
    """A record is written once; the name must be free."""
    block = new_block(key_of(CELL))
    with open(path, "wb") as file:
        file.write(b"someone's")
    with pytest.raises(FileExistsError):
        write_record(path, block.view, block.length, block.valid, DirectIO())


def test_a_record_is_charged_at_least_what_it_takes(path):
    """The estimate before writing is never below the charge after it."""
    for number, length in enumerate(LENGTHS):
        block, size, extents = written(f"{path}{number}", length)
        record = Record("k", "f", size, extents)
        taken = os.stat(f"{path}{number}").st_blocks * 512
        assert taken < record.charge <= charge_of(block.valid)


@pytest.mark.parametrize("at", [0, CELL, 8 * CELL - 1, 8 * CELL, 20 * CELL + 3, BLOCK - 1])
def test_a_flipped_bit_costs_its_extent_and_nothing_else(path, at):
    """One checksum covers a MiB: what it covers is not good, the rest of the block is."""
    _, _, extents = written(path, BLOCK)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))
    (hit,) = [extent for extent in extents if extent.first * CELL <= at < extent.after * CELL]
    assert read(path, extents, BLOCK, ALL_CELLS) == ALL_CELLS & ~hit.cells
    # The same when some of the extent is not asked for, which goes another way.
    wanted = ALL_CELLS & ~(1 << hit.first)
    assert read(path, extents, BLOCK, wanted) == wanted & ~hit.cells


@pytest.mark.parametrize("left", [0, 1, PAGE, CELL, 8 * CELL - 1, 8 * CELL, 31 * CELL, BLOCK - 1])
def test_a_file_cut_short_gives_only_what_is_whole(path, left):
    """A power cut leaves short files: extents before the cut are good, others are not."""
    _, _, extents = written(path, BLOCK)
    os.truncate(path, left)
    whole = sum(extent.cells for extent in extents if extent.after * CELL <= left)
    assert read(path, extents, BLOCK, ALL_CELLS) == whole
    assert read(path, extents, BLOCK, ALL_CELLS & ~1) == (whole & ~0xFF | (whole & 0xFE))


def test_a_file_of_zeroes_is_not_good(path):
    """A power cut may also leave the right length with nothing in it."""
    _, _, extents = written(path, 3 * CELL + 5)
    os.truncate(path, 0)
    os.truncate(path, 3 * CELL + 5)
    assert read(path, extents, 3 * CELL + 5, 0b1111) == 0


def test_another_records_file_is_not_good(path):
    """A file that took the place of another is as good as noise, also when it is longer."""
    _, _, extents = written(path, 2 * CELL)
    with open(path, "wb") as file:
        file.write(random.Random(1).randbytes(BLOCK))
    assert read(path, extents, 2 * CELL, 0b11) == 0


@pytest.mark.parametrize("what", ["missing", "folder", "loop"])
def test_what_cannot_be_opened_is_not_good(path, what):
    """No record, a folder or a link to itself: nothing is good and nothing is raised."""
    _, _, extents = written(path, CELL)
    os.unlink(path)
    if what == "folder":
        os.mkdir(path)
    elif what == "loop":
        os.symlink(path, path)
    assert read(path, extents, CELL, 1) == 0


def test_a_disk_that_cannot_read_gives_nothing(path, monkeypatch):
    """EIO while reading is not raised to a reader."""
    _, _, extents = written(path, BLOCK)
    monkeypatch.setattr(os, "preadv", failing(errno.EIO))
    assert read(path, extents, BLOCK, ALL_CELLS) == 0


@given(st.data())
def test_whatever_happens_to_a_file_only_true_cells_are_good(tmp_path_factory, data):
    """Any cells, any damage, any wish: ``read`` checks that each good cell is right."""
    length = data.draw(st.integers(1, 12 * CELL))
    every = cells_of(0, length)
    cells = data.draw(st.integers(1, every)) & every
    path = str(tmp_path_factory.mktemp("any") / "record")
    _, size, extents = written(path, length, cells or 1)
    cells = cells or 1
    damaged = data.draw(st.booleans())
    if damaged:
        at = data.draw(st.integers(0, size - 1))
        with open(path, "r+b") as file:
            if data.draw(st.booleans()):
                file.truncate(at)
            else:
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ data.draw(st.integers(1, 255))]))
    wanted = data.draw(st.integers(0, every))
    good = read(path, extents, length, wanted)
    if not damaged:
        assert good == wanted & cells


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("after", [0, 1])
def test_a_write_that_fails_leaves_no_file(path, monkeypatch, code, after):
    """Also when part of the record was written before the disk was full."""
    block = new_block(key_of(BLOCK), 0, SPARSE)
    monkeypatch.setattr(os, "pwrite", failing(code, after=after, real=os.pwrite))
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        write_record(path, block.view, block.length, block.valid, DirectIO())
    assert caught.value.errno == code
    assert not os.path.exists(path)


def test_a_disk_that_takes_little_at_once_gets_all(path, monkeypatch):
    """Short writes are continued where they ended."""
    real = os.pwrite
    monkeypatch.setattr(
        os, "pwrite", lambda file, data, at: real(file, data[: min(len(data), 5 * PAGE)], at)
    )
    block, _, extents = written(path, 3 * CELL + 5)
    monkeypatch.undo()
    assert read(path, extents, 3 * CELL + 5, block.valid) == block.valid


def test_a_disk_that_gives_little_at_once_is_read_to_the_end(path, monkeypatch):
    """Short reads are continued where they ended."""
    block, _, extents = written(path, 3 * CELL + 5)
    real = os.preadv
    monkeypatch.setattr(
        os, "preadv", lambda file, views, at: real(file, [views[0][: 5 * PAGE]], at)
    )
    assert read(path, extents, 3 * CELL + 5, block.valid) == block.valid


def test_a_filesystem_that_refuses_direct_io_when_opening_gets_the_record_all_the_same(
    path, monkeypatch
):
    """Linux makes the file and then says EINVAL (seen on ramfs): it is not in the way."""
    real, flags_seen = os.open, []

    def refuse(name, flags, mode=0o777):
        flags_seen.append(flags)
        if flags & os.O_DIRECT:
            os.close(real(name, flags & ~os.O_DIRECT, mode))
            raise OSError(errno.EINVAL, "no direct I/O here")
        return real(name, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    direct = DirectIO()
    block, _, extents = written(path, 2 * CELL + 1, direct=direct)
    assert read(path, extents, 2 * CELL + 1, block.valid, direct) == block.valid
    written(path + "2", 2 * CELL, direct=direct)
    assert sum(bool(flags & os.O_DIRECT) for flags in flags_seen) == 1, "learned at the first"


@pytest.mark.parametrize("call", ["pwrite", "preadv"])
def test_a_filesystem_that_refuses_direct_io_late_is_used_through_the_page_cache(
    path, monkeypatch, call
):
    """EINVAL may also come from the first write or read."""
    direct = DirectIO()
    if call == "preadv":
        block, _, extents = written(path, 2 * CELL)
    monkeypatch.setattr(os, call, failing(errno.EINVAL, real=getattr(os, call), then=1))
    if call == "pwrite":
        block, _, extents = written(path, 2 * CELL, direct=direct)
    assert read(path, extents, 2 * CELL, block.valid, direct) == block.valid
    assert not direct.refused(), "it was learned"


def test_einval_that_has_another_cause_is_not_tried_for_ever(path, monkeypatch):
    """Through the page cache EINVAL is a failure like others."""
    monkeypatch.setattr(os, "pwrite", failing(errno.EINVAL))
    block = new_block(key_of(2 * CELL))
    with pytest.raises(OSError, match="Invalid argument"):
        write_record(path, block.view, block.length, block.valid, DirectIO())
    assert not os.path.exists(path)


def test_extents_come_back_as_they_were():
    """What the index keeps of a record is enough to read it."""
    extents = (Extent(0, 8, 0xFFFFFFFF), Extent(8, 9, 0), Extent(31, 32, 7))
    assert decode(encode(extents)) == extents


@pytest.mark.parametrize(
    "extents",
    [
        [Extent(3, 2, 1)],
        [Extent(3, 3, 1)],
        [Extent(0, EXTENT_CELLS + 1, 1)],
        [Extent(4, 6, 1), Extent(0, 2, 1)],
        [Extent(0, 4, 1), Extent(3, 6, 1)],
        [Extent(0, 8, 1), Extent(30, 33, 1)],
        [Extent(200, 204, 1)],
    ],
)
def test_extents_that_cannot_be_are_refused(extents):
    """Out of order, overlapping, empty, too long or beyond the block: an index gone bad."""
    with pytest.raises(ValueError, match="extents"):
        decode(encode(extents))


@given(st.binary(max_size=64))
def test_noise_is_refused_or_makes_sense(noise):
    """Whatever the index holds, extents lie within the block, in order."""
    try:
        extents = decode(noise)
    except ValueError:
        return
    cells = [cell for extent in extents for cell in range(extent.first, extent.after)]
    assert cells == sorted(set(cells))
    assert all(cell < 32 for cell in cells)
    assert encode(extents) == noise
