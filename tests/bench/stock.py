"""Stock httpx on Trio: what reading the link directly in Python gives."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.bench.processes import started
from tests.bench.sample import Contender, Failed, Sample
from tests.bench.tree import whole_file

if TYPE_CHECKING:
    from tests.bench.sample import Bench

_PROGRAM = """
import sys, time, httpx, trio
async def main(url):
    async with httpx.AsyncClient(trust_env=False) as client:
        began = time.perf_counter()
        async with client.stream("GET", url) as answer:
            answer.raise_for_status()
            async for _ in answer.aiter_raw():
                pass
        print(time.perf_counter() - began)
trio.run(main, sys.argv[1])
"""


def httpx_whole(link: str, whole: int) -> Contender:
    """Fetch the file of ``whole`` bytes (scaled) as one stream, its chunks thrown away; MB/s."""

    def take(bench: Bench) -> Sample:
        url = f"{getattr(bench.origin, link)}/{whole_file(whole)}"
        command = [sys.executable, "-c", _PROGRAM, url]
        with started(command, stdout=subprocess.PIPE, text=True) as process, process:
            said, _ = process.communicate(timeout=600)
        if process.returncode:
            raise Failed(f"httpx ended with {process.returncode}")
        return Sample(value=bench.scale.size(whole) / 1e6 / float(said))

    return Contender(label="stock httpx, 1 stream", take=take)
