"""curl: what the wire can give. Its own clock is read, so starting the program costs it nothing."""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

from tests.bench.processes import started
from tests.bench.sample import Bench, Contender, Failed, Sample
from tests.bench.tree import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable

_QUIET = ["--silent", "--show-error", "--fail", "--noproxy", "*", "--output", "/dev/null"]


def curl_whole(streams: int, link: str, whole: int) -> Contender:
    """Fetch the file of ``whole`` bytes (scaled) as so many parallel ranges; MB/s."""

    def take(bench: Bench) -> Sample:
        size = bench.scale.size(whole)
        url = f"{getattr(bench.origin, link)}/{whole_file(whole)}"
        step = -(-size // streams)
        spans = [(start, min(start + step, size)) for start in range(0, size, step)]
        running = []
        for start, stop in spans:
            command = ["curl", *_QUIET, "--cacert", bench.origin.ca_file]
            command += ["--write-out", "%{time_total}", "--range", f"{start}-{stop - 1}", url]
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        seconds = [_total(process) for process in running]
        return Sample(value=size / 1e6 / max(seconds))

    plural = "s" if streams > 1 else ""
    return Contender(label=f"curl, {streams} stream{plural}", take=take)


def curl_ranges(count: int, size: int, path: str) -> Contender:
    """Fetch ``count`` (scaled) ranges one after the other over one kept-alive connection; ms."""

    def take(bench: Bench) -> Sample:
        wanted = bench.scale.count(count)
        length = (bench.origin.root / path).stat().st_size
        slots = random.Random(7).sample(range(length // size), wanted)
        seconds = fetch_ranges(bench, path, ((slot * size, size) for slot in slots))
        return Sample(value=seconds * 1000)

    plural = "s" if count > 1 else ""
    return Contender(label=f"curl, {count} range{plural} of {size // 1024} KiB", take=take)


def fetch_ranges(bench: Bench, path: str, ranges: Iterable[tuple[int, int]]) -> float:
    """Fetch (offset, size) ranges from the long link over one connection; return seconds."""
    url = f"{bench.origin.long}/{path}"
    command: list[str] = ["curl"]
    for offset, size in ranges:
        command += [*_QUIET, "--write-out", r"%{time_total}\n"]
        command += ["--range", f"{offset}-{offset + size - 1}", url, "--next"]
    with started(command[:-1], stdout=subprocess.PIPE, text=True) as process:
        return _total(process)


def _total(process: subprocess.Popen) -> float:
    with process:
        said, _ = process.communicate(timeout=600)
    if process.returncode:
        raise Failed(f"curl ended with {process.returncode}")
    return sum(float(line) for line in said.split())
