"""What is measured: each row its contenders, one sample, and the bar it is held to."""

from __future__ import annotations

import mmap
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench import meters
from tests.bench.origin import LATENCY_S, Origin
from tests.bench.systems import Curl, Fsmount, Mounted, Rclone

if TYPE_CHECKING:
    import pathlib

    from tests.emulators import RunningEmulator

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of one contender.

    Attributes:
        value: In the row's unit.
        cpu_per_gib: CPU seconds of the daemon and its children per GiB read; None where no bytes.
        peak_rss: Bytes, all its processes.
        requests: GETs at the origin.
        bytes: Body bytes at the origin.
        note: Whatever else was seen.
    """

    value: float
    cpu_per_gib: float | None = None
    peak_rss: int = 0
    requests: int = 0
    bytes: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a row is held to, on medians of one run.

    Attributes:
        text: As the row's table says it.
        figure: Computes the ratio from medians by label.
        at_least, at_most: The bar itself; one of them.
    """

    text: str
    figure: Callable[[dict[str, Sample]], float]
    at_least: float | None = None
    at_most: float | None = None

    def met(self, medians: dict[str, Sample]) -> bool:
        """Tell whether the medians clear the bar."""
        figure = self.figure(medians)
        if self.at_least is not None:
            return figure >= self.at_least
        return figure <= self.at_most


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every row may use."""

    origin: Origin
    fast: RunningEmulator
    secure: RunningEmulator
    long: RunningEmulator
    scale: float = 1.0

    def size(self, whole: int) -> int:
        """Return how much of ``whole`` bytes this run reads (less in quick mode), whole MiB."""
        return max(MIB, int(whole * self.scale) // MIB * MIB)


Contender = tuple[str, Callable[[Bench], Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the result.

    Attributes:
        name: For ``--row``.
        title: For people.
        unit: Of the value.
        contenders: Label and how to take one sample.
        bars: What fsmount is held to.
    """

    name: str
    title: str
    unit: str
    contenders: list[Contender]
    bars: list[Bar] = field(default_factory=list)


def best(medians: dict[str, Sample], prefix: str, *, most: bool = True) -> float:
    """Return the best median value among the labels that start with ``prefix``."""
    values = [sample.value for label, sample in medians.items() if label.startswith(prefix)]
    return max(values) if most else min(values)


def least_cpu(medians: dict[str, Sample], prefix: str) -> float:
    """Return the least CPU per GiB among the labels that start with ``prefix``."""
    return min(
        sample.cpu_per_gib
        for label, sample in medians.items()
        if label.startswith(prefix) and sample.cpu_per_gib is not None
    )


# --- taking a sample ------------------------------------------------------------------------------


def emulator_for(bench: Bench, base: str) -> RunningEmulator:
    """Return the emulator whose links point at ``base``."""
    chosen = {bench.origin.http: bench.fast, bench.origin.https: bench.secure}
    return chosen.get(base, bench.long)


def base_of(bench: Bench, link: str) -> str:
    """Return the origin's base URL by its word."""
    return getattr(bench.origin, link)


def sampled(
    system: Fsmount | Rclone,
    link: str,
    work: Callable[[Mounted, Bench], tuple[float, int]],
) -> Callable[[Bench], Sample]:
    """Make a sampler: mount afresh, run ``work`` (value, bytes read), read the meters."""

    def sample(bench: Bench) -> Sample:
        base = base_of(bench, link)
        with system.mount(emulator_for(bench, base), base, bench.origin.ca_file) as mounted:
            meters.drop_page_cache()
            cpu = meters.cpu_seconds(mounted.pid)
            requests, size = bench.origin.counted(base)
            value, read = work(mounted, bench)
            cpu = meters.cpu_seconds(mounted.pid) - cpu
            after = bench.origin.counted(base)
            return Sample(
                value=value,
                cpu_per_gib=cpu / (read / GIB) if read else None,
                peak_rss=meters.peak_rss(mounted.pid),
                requests=after[0] - requests,
                bytes=after[1] - size,
            )

    return sample


def read_whole(path: pathlib.Path, size: int) -> float:
    """Read ``size`` bytes in 1 MiB pieces; return seconds."""
    buffer = mmap.mmap(-1, MIB)
    began = time.perf_counter()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        left = size
        while left > 0:
            count = os.readv(descriptor, [buffer])
            if count == 0:
                raise SystemExit(f"{path} ended {left} bytes early")
            left -= count
    finally:
        os.close(descriptor)
    return time.perf_counter() - began


def sequential(whole: int) -> Callable[[Mounted, Bench], tuple[float, int]]:
    """Read one file from its beginning; MB/s."""

    def work(mounted: Mounted, bench: Bench) -> tuple[float, int]:
        size = bench.size(whole)
        return size / 1e6 / read_whole(mounted.path / "big.bin", size), size

    return work


def curl_whole(streams: int, link: str, whole: int) -> Callable[[Bench], Sample]:
    """Fetch the same bytes with curl; MB/s."""

    def sample(bench: Bench) -> Sample:
        size = bench.size(whole)
        began = time.perf_counter()
        Curl(streams=streams).read(f"{base_of(bench, link)}/big.bin", size, bench.origin.ca_file)
        return Sample(value=size / 1e6 / (time.perf_counter() - began))

    return sample


DISK = "cache=4G"
MEMORY = "nocache"
FULL = ("--vfs-cache-mode", "full")
STREAMS = ("--vfs-read-chunk-streams", "4", "--vfs-read-chunk-size", "8M", "--buffer-size", "32M")


def many_streams(count: int) -> tuple[str, ...]:
    """Return rclone's flags for ``count`` parallel streams of 4 MiB."""
    return ("--vfs-read-chunk-streams", str(count), "--vfs-read-chunk-size", "4M")


def cold(name: str, title: str, link: str, options: str, *, user: bool = False) -> Row:
    """Make a row of one cold sequential read of 1 GiB."""
    ahead = 128 if user else None
    rclone = [
        (
            ("rclone full", Rclone(flags=FULL)),
            ("rclone full, 4 streams", Rclone(flags=FULL + STREAMS)),
        ),
        (
            ("rclone", Rclone()),
            ("rclone, 4 streams", Rclone(flags=STREAMS)),
        ),
    ][options == MEMORY]
    bars = {
        "cold-disk": [(1.2, "rclone's best with a disk cache")],
        "cold-memory": [(1.5, "rclone's best")],
        "cold-user": [(1.25, "rclone's best")],
        "cold-tls": [(1.3, "rclone's best with a disk cache")],
    }[name]
    cpu = {"cold-disk": 0.9, "cold-memory": 0.7}.get(name)
    found = [
        Bar(
            text=f"≥ {factor} × {words}",
            figure=lambda m: m["fsmount"].value / best(m, "rclone"),
            at_least=factor,
        )
        for factor, words in bars
    ]
    if cpu is not None:
        found.append(
            Bar(
                text=f"CPU per GiB ≤ {cpu} × rclone's best",
                figure=lambda m: m["fsmount"].cpu_per_gib / least_cpu(m, "rclone"),
                at_most=cpu,
            )
        )
    ours = Fsmount(options=options, read_ahead_kib=ahead)
    return Row(
        name=name,
        title=title,
        unit="MB/s",
        contenders=[
            ("fsmount", sampled(ours, link, kept_on_disk if options == DISK else sequential(GIB))),
            *((label, sampled(system, link, sequential(GIB))) for label, system in rclone),
            ("curl, 1 stream", curl_whole(1, link, GIB)),
        ],
        bars=found,
    )


def kept_on_disk(mounted: Mounted, bench: Bench) -> tuple[float, int]:
    """Read one file cold, then hold the cache to having ≥ 95 % of it 10 s after close."""
    value, size = sequential(GIB)(mounted, bench)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        kept = on_disk(mounted.cache)
        if kept >= 0.95 * size:
            return value, size
        time.sleep(0.25)
    raise SystemExit(f"only {on_disk(mounted.cache) / size:.0%} is on disk 10 s after close")


def on_disk(directory: pathlib.Path) -> int:
    """Return what ``du`` says of a directory, in bytes."""
    done = subprocess.run(
        ["du", "-s", "--block-size=1", directory], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[0])


def long_link(connections: int, whole: int, bar: float) -> Row:
    """Make a row over the long link with ``connections`` allowed."""
    ours = Fsmount(options=f"{MEMORY},max_connections={connections}")
    contenders = [
        ("fsmount", sampled(ours, "long", sequential(whole))),
        (f"curl, {connections} streams", curl_whole(connections, "long", whole)),
    ]
    bars = [
        Bar(
            text=f"≥ {bar} × curl with {connections} streams",
            figure=lambda m: m["fsmount"].value / best(m, "curl"),
            at_least=bar,
        )
    ]
    if connections == 16:
        contenders += [
            ("rclone", sampled(Rclone(), "long", sequential(256 * MIB))),
            (
                "rclone, 16 streams",
                sampled(Rclone(flags=many_streams(16)), "long", sequential(whole)),
            ),
        ]
        bars.append(
            Bar(
                text="≥ 8 × rclone's default",
                figure=lambda m: m["fsmount"].value / m["rclone"].value,
                at_least=8,
            )
        )
    return Row(
        name=f"long-{connections}",
        title=f"80 ms, 20 MB/s per connection, {connections} connections",
        unit="MB/s",
        contenders=contenders,
        bars=bars,
    )


def reopened(mounted: Mounted, bench: Bench) -> tuple[float, int]:
    """Read a file, then time reading it again with the page cache warm."""
    size = bench.size(GIB)
    read_whole(mounted.path / "big.bin", size)
    return size / 1e6 / read_whole(mounted.path / "big.bin", size), size


def from_disk(mounted: Mounted, bench: Bench) -> tuple[float, int]:
    """Read a file, wait for the disk cache, forget every page, time reading it again.

    Dropping our own block memory too needs a remount; ``remounted`` does that for fsmount.
    """
    size = bench.size(GIB)
    read_whole(mounted.path / "big.bin", size)
    time.sleep(5)
    meters.drop_page_cache()
    return size / 1e6 / read_whole(mounted.path / "big.bin", size), size


def first_byte(*, known: bool) -> Callable[[Mounted, Bench], tuple[float, int]]:
    """Time the first 128 KiB of a cold file; ``known`` asks for its link before."""

    def work(mounted: Mounted, bench: Bench) -> tuple[float, int]:
        path = mounted.path / "media" / "film-000.bin"
        os.stat(path)
        if known:
            with path.open("rb") as other:  # its tail: brings the link, not the head
                other.seek(-4096, os.SEEK_END)
                other.read()
            meters.drop_page_cache()
        began = time.perf_counter()
        descriptor = os.open(path, os.O_RDONLY)
        os.pread(descriptor, 4096, 0)
        value = (time.perf_counter() - began) * 1000
        os.close(descriptor)
        return value, 0

    return work


def curl_ranges(count: int, size: int, path: str) -> Callable[[Bench], Sample]:
    """Fetch ``count`` ranges over one kept-alive connection; ms."""

    def sample(bench: Bench) -> Sample:
        url = f"{bench.origin.long}/{path}"
        length = (bench.origin.root / path).stat().st_size
        offsets = random.Random(7).sample(range(0, length - size, size), count)
        command = ["curl", "-s"]
        for offset in offsets:
            command += ["-r", f"{offset}-{offset + size - 1}", "-o", "/dev/null", url, "--next"]
        began = time.perf_counter()
        subprocess.run(command[:-1], check=True)
        return Sample(value=(time.perf_counter() - began) * 1000)

    return sample


def random_reads(mounted: Mounted, bench: Bench) -> tuple[float, int]:
    """Time 150 random aligned 4 KiB reads over the big file; ms."""
    path = mounted.path / "big.bin"
    offsets = random.Random(7).sample(range(0, bench.size(GIB) - 4096, 4096), 150)
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    began = time.perf_counter()
    for offset in offsets:
        os.pread(descriptor, 4096, offset)
    value = (time.perf_counter() - began) * 1000
    os.close(descriptor)
    return value, 0


def player_start(mounted: Mounted, bench: Bench) -> tuple[float, int]:
    """Time what a player does before it plays, then play 32 MiB at 8 MB/s; ms before play."""
    path = mounted.path / "media" / "film-001.bin"
    size = path.stat().st_size
    began = time.perf_counter()
    descriptor = os.open(path, os.O_RDONLY)
    os.pread(descriptor, 256 * 1024, 0)
    os.pread(descriptor, MIB, size - MIB)
    os.pread(descriptor, 256 * 1024, 0)
    value = (time.perf_counter() - began) * 1000
    late = 0.0
    due = time.perf_counter() + 0.1
    for offset in range(256 * 1024, 32 * MIB, 256 * 1024):
        os.pread(descriptor, 256 * 1024, offset)
        late = max(late, time.perf_counter() - due)
        due += 256 * 1024 / 8e6
        time.sleep(max(0.0, due - 256 * 1024 / 8e6 - time.perf_counter()))
    os.close(descriptor)
    if late > 0.1:
        raise SystemExit(f"the player waited {late:.2f} s at 8 MB/s")
    return value, 0


def copy_small(mounted: Mounted, bench: Bench) -> tuple[float, int]:
    """Time ``cp -r`` of 1,000 files of 4 KiB in 10 folders; seconds."""
    target = mounted.path.parent / "copy"
    began = time.perf_counter()
    subprocess.run(["cp", "-r", mounted.path / "small", target], check=True)
    value = time.perf_counter() - began
    shutil.rmtree(target)
    return value, 0


def together(count: int) -> Callable[[Mounted, Bench], tuple[float, int]]:
    """Read ``count`` files at once; total MB/s; the slowest must have half the mean."""

    def work(mounted: Mounted, bench: Bench) -> tuple[float, int]:
        size = bench.size(128 * MIB) if count > 1 else bench.size(GIB)
        names = [f"many/{n:02}.bin" for n in range(count)] if count > 1 else ["big.bin"]
        began = time.perf_counter()
        readers = [
            subprocess.Popen(
                [
                    "dd",
                    f"if={mounted.path / name}",
                    "of=/dev/null",
                    "bs=1M",
                    "status=none",
                    f"count={size // MIB}",
                ]
            )
            for name in names
        ]
        ends = []
        while readers:
            for reader in list(readers):
                if reader.poll() is not None:
                    ends.append(time.perf_counter() - began)
                    readers.remove(reader)
            time.sleep(0.005)
        rates = [size / 1e6 / end for end in ends]
        if min(rates) < sum(rates) / len(rates) / 2:
            raise SystemExit(f"the slowest of {count} readers had {min(rates):.0f} MB/s")
        return size * count / 1e6 / max(ends), size * count

    return work


def ratio_to(label: str, *, latency: float = 0.0) -> Callable[[dict[str, Sample]], float]:
    """Return fsmount's value over ``label``'s (plus a known latency in ms)."""
    return lambda m: m["fsmount"].value / (m[label].value + latency)


ROWS = [
    cold("cold-disk", "cold sequential 1 GiB, HTTP, disk cache on", "http", DISK),
    cold("cold-memory", "cold sequential 1 GiB, HTTP, memory only", "http", MEMORY),
    cold("cold-user", "the same with a user's read-ahead of 128 KiB", "http", MEMORY, user=True),
    cold("cold-tls", "cold sequential 1 GiB, HTTPS, disk cache on", "https", DISK),
    long_link(16, 2 * GIB, 0.8),
    long_link(4, 512 * MIB, 0.9),
    long_link(2, 512 * MIB, 0.9),
    Row(
        name="reopen",
        title="reopen of a file already read, page cache warm",
        unit="MB/s",
        contenders=[
            ("fsmount", sampled(Fsmount(options=DISK), "http", reopened)),
            ("rclone full", sampled(Rclone(flags=FULL), "http", reopened)),
        ],
        bars=[
            Bar(
                text="≥ 5 × rclone",
                figure=lambda m: m["fsmount"].value / best(m, "rclone"),
                at_least=5,
            )
        ],
    ),
    Row(
        name="from-disk",
        title="dropped page cache, from the disk cache",
        unit="MB/s",
        contenders=[
            (
                "fsmount",
                sampled(Fsmount(options=f"{DISK},memory=32M"), "http", from_disk),
            ),
            ("rclone full", sampled(Rclone(flags=FULL), "http", from_disk)),
        ],
        bars=[
            Bar(
                text="≥ 1.3 × rclone",
                figure=lambda m: m["fsmount"].value / best(m, "rclone"),
                at_least=1.3,
            )
        ],
    ),
    Row(
        name="first-byte-known",
        title="first byte of a cold file, 80 ms, link known",
        unit="ms",
        contenders=[
            ("fsmount", sampled(Fsmount(options=MEMORY), "long", first_byte(known=True))),
            ("curl, 1 range", curl_ranges(1, 128 * 1024, "media/film-000.bin")),
        ],
        bars=[Bar(text="≤ 1.2 × a curl range", figure=ratio_to("curl, 1 range"), at_most=1.2)],
    ),
    Row(
        name="first-byte",
        title="first byte of a cold file, 80 ms, link not known",
        unit="ms",
        contenders=[
            ("fsmount", sampled(Fsmount(options=MEMORY), "long", first_byte(known=False))),
            ("curl, 1 range", curl_ranges(1, 128 * 1024, "media/film-000.bin")),
        ],
        bars=[
            Bar(
                text="≤ 1.2 × (link call + a curl range)",
                figure=ratio_to("curl, 1 range", latency=LATENCY_S * 1000),
                at_most=1.2,
            )
        ],
    ),
    Row(
        name="random",
        title="150 random aligned 4 KiB reads over 1 GiB, 80 ms",
        unit="ms",
        contenders=[
            ("fsmount", sampled(Fsmount(options=MEMORY), "long", random_reads)),
            ("curl, 150 ranges", curl_ranges(150, 128 * 1024, "big.bin")),
        ],
        bars=[
            Bar(
                text="≤ 1.15 × 150 kept-alive curl ranges of 128 KiB",
                figure=ratio_to("curl, 150 ranges"),
                at_most=1.15,
            ),
            Bar(
                text="≤ 128 KiB fetched per read",
                figure=lambda m: m["fsmount"].bytes / 150 / (128 * 1024),
                at_most=1.0,
            ),
        ],
    ),
    Row(
        name="player",
        title="a player's start: head, tail, back, then 8 MB/s; 80 ms, link not known",
        unit="ms",
        contenders=[("fsmount", sampled(Fsmount(options=MEMORY), "long", player_start))],
        bars=[
            Bar(
                text="≤ 3.3 × 80 ms before play",
                figure=lambda m: m["fsmount"].value / (LATENCY_S * 1000),
                at_most=3.3,
            )
        ],
    ),
    Row(
        name="copy",
        title="cp -r of 1,000 files of 4 KiB in 10 folders, 80 ms per request",
        unit="s",
        contenders=[
            ("fsmount", sampled(Fsmount(options=DISK), "long", copy_small)),
            ("rclone full", sampled(Rclone(flags=FULL), "long", copy_small)),
        ],
        bars=[
            Bar(
                text="≤ 0.4 × rclone",
                figure=lambda m: m["fsmount"].value / best(m, "rclone", most=False),
                at_most=0.4,
            )
        ],
    ),
    Row(
        name="together",
        title="16 readers of 16 files at once, against one reader",
        unit="MB/s",
        contenders=[
            ("fsmount", sampled(Fsmount(options=MEMORY), "http", together(16))),
            ("fsmount, 1 reader", sampled(Fsmount(options=MEMORY), "http", together(1))),
        ],
        bars=[
            Bar(
                text="total ≥ 0.9 × one reader",
                figure=ratio_to("fsmount, 1 reader"),
                at_least=0.9,
            ),
            Bar(
                text="peak memory ≤ budget + 100 MB",
                figure=lambda m: m["fsmount"].peak_rss / (256 * MIB + 100e6),
                at_most=1.0,
            ),
        ],
    ),
]
