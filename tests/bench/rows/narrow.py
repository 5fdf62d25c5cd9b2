"""A long link that gives each connection little: what parallel ranges are for."""

from __future__ import annotations

from tests.bench.curl import curl_whole
from tests.bench.rows.contenders import MEMORY, streams
from tests.bench.rows.sequential import sequential
from tests.bench.sample import GIB, MIB, Bar, Row, best, ratio
from tests.bench.systems import Fsmount, Rclone
from tests.bench.trial import measured

_RCLONE_READS = 256 * MIB
"""Of its single stream at 20 MB/s: its rate is the same however much is read."""


def _row(connections: int, whole: int, least: float) -> Row:
    ours = Fsmount(options=f"{MEMORY},max_connections={connections}")
    contenders = [
        measured("fsmount", ours, "long", sequential(whole)),
        measured(
            f"rclone, {connections} streams of 4 MiB",
            Rclone(flags=streams(connections, "4M")),
            "long",
            sequential(whole),
        ),
        curl_whole(connections, "long", whole),
    ]
    bars = [
        Bar(
            text=f"≥ {least} × curl with {connections} ranges at once",
            figure=lambda medians: medians["fsmount"].value / best(medians, "curl"),
            at_least=least,
        )
    ]
    if connections == 16:
        contenders.insert(
            1, measured("rclone", Rclone(), "long", sequential(_RCLONE_READS, of=whole))
        )
        bars.append(Bar(text="≥ 8 × rclone's default", figure=ratio("rclone"), at_least=8))
    return Row(
        name=f"long-{connections}",
        title=f"80 ms, 20 MB/s per connection, {connections} connections",
        unit="MB/s",
        needs=(f"{whole // MIB}",),
        contenders=contenders,
        bars=bars,
    )


ROWS = [_row(16, 2 * GIB, 0.8), _row(4, 512 * MIB, 0.9), _row(2, 512 * MIB, 0.9)]
