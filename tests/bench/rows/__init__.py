"""What is measured: each row its contenders, one sample, and the bars it is held to."""

from __future__ import annotations

from tests.bench.rows import again, copying, latency, listing, memory, narrow, sequential

ROWS = [
    *sequential.ROWS,
    *narrow.ROWS,
    *again.ROWS,
    *latency.ROWS,
    *copying.ROWS,
    *listing.ROWS,
    *memory.ROWS,
]
