"""What the read engine itself costs: no kernel, no network, bytes copied from memory.

``python -m tests.bench.engine [--disk DIR] [--size MIB] [--step KIB] [--readers N]`` reads files in
sequence through the whole reader over a source that copies, beside a plain copy of as many bytes,
and prints rates and processor seconds. With ``--disk`` the disk cache is on; how much of the file
is on disk some seconds after the close, and what reading it back from there costs, is printed too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import resource
import shutil
import time

import trio

from fsmount.cache.opening import open_disk_cache
from fsmount.model import ContentKey
from fsmount.reader.stream import open_reader

MIB = 1024 * 1024
_PIECE = 256 * 1024
"""As much as a socket brings at once."""

_WIRE = os.memfd_create("wire")
os.write(_WIRE, os.urandom(_PIECE))


class Copies:
    """A ``FileSource`` whose network is a copy by the kernel: it gives up the GIL, as recv does."""

    connections = 16
    link_remaining_s = None

    def __init__(self, size):
        self.size = size

    def close(self):
        """Nobody needs to know."""

    async def fetch(self, start, stop, sink):
        while start < stop:
            room = sink.room()
            count = os.preadv(_WIRE, [room[: min(len(room), _PIECE)]], 0)
            sink.filled(count)
            start += count
            await trio.lowlevel.checkpoint()


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Meter:
    """Prints the rate and the processor time of a stretch of work."""

    def __init__(self, name, size):
        self._name = name
        self._size = size

    def __enter__(self):
        self._wall, self._cpu = time.perf_counter(), cpu_s()

    def __exit__(self, *_):
        wall, cpu = time.perf_counter() - self._wall, cpu_s() - self._cpu
        gib = self._size / 1024**3
        print(f"{self._name:34} {self._size / MIB / wall:7.0f} MiB/s {cpu / gib:6.3f} CPU s/GiB")


async def sequence(reader, name, size, step):
    """Read one file from its start to its end, as ``operations`` does."""
    stream = reader.open(ContentKey("bench", name, size), Copies(size))
    sink = bytearray(step)
    for at in range(0, size, step):
        data = stream.read_nowait(at, step)
        if data is None:
            data = await stream.read(at, step)
        sink[: len(data)] = data  # the reply to the kernel copies once
        del data  # and is over then
    await stream.close()
    return stream


async def cold(args, disk, label):
    async with open_reader(memory_bytes=args.memory * MIB, disk=disk) as reader:
        with Meter(label, args.size * MIB * args.readers):
            async with trio.open_nursery() as nursery:
                for number in range(args.readers):
                    nursery.start_soon(
                        sequence, reader, f"f{number}", args.size * MIB, args.step * 1024
                    )
        print("   ", dict(reader.statistics()))


def drop_page_cache():
    """Make the next reads come from the disk, where we are root."""
    os.sync()
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


def on_disk(directory):
    return sum(p.stat().st_blocks * 512 for p in directory.rglob("*") if p.is_file())


async def with_disk(args):
    directory = pathlib.Path(args.disk) / "engine-cache"
    shutil.rmtree(directory, ignore_errors=True)
    size = args.size * MIB * args.readers
    async with open_disk_cache(directory, 4 * size) as disk:
        await cold(args, disk, "cold, disk cache on")
        began = time.perf_counter()
        for _ in range(200):
            if on_disk(directory) >= 0.95 * size:
                break
            await trio.sleep(0.05)
        print(
            f"    on disk after {time.perf_counter() - began:.2f} s:"
            f" {on_disk(directory) / size:.1%}",
            dict(disk.statistics()),
        )
    drop_page_cache()
    async with open_disk_cache(directory, 4 * size) as disk:
        await cold(args, disk, "again, from the disk")
    shutil.rmtree(directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--disk", help="directory on the disk to measure; without: memory only")
    parser.add_argument("--size", type=int, default=1024, help="MiB per file")
    parser.add_argument("--step", type=int, default=1024, help="KiB per read")
    parser.add_argument("--memory", type=int, default=256, help="MiB of memory budget")
    parser.add_argument("--readers", type=int, default=1, help="files read at once")
    args = parser.parse_args()
    with Meter("two plain copies", args.size * MIB * args.readers):
        target, sink = bytearray(4 * MIB), bytearray(args.step * 1024)
        for _ in range(args.size * args.readers // 4):
            for at in range(0, 4 * MIB, _PIECE):
                os.preadv(_WIRE, [memoryview(target)[at : at + _PIECE]], 0)
            for at in range(0, 4 * MIB, len(sink)):
                sink[:] = memoryview(target)[at : at + len(sink)]
    trio.run(cold, args, None, "cold, memory only")
    if args.disk:
        trio.run(with_disk, args)


if __name__ == "__main__":
    main()
