"""What a mount told, as lines for people: who reads, and who was refused."""

from __future__ import annotations

from fsmount.cli.statustext import lines

TOLD = {
    "mountpoint": "/mnt/a",
    "source": "films",
    "state": "online",
    "driver": "cloudreve",
    "since": 1_700_000_000.0,
    "pid": 42,
}


def test_who_opened_a_file_is_told():
    """By its program, and its kind where it is one of those that are guarded."""
    handle = {"path": "film.mkv", "size": 2048, "opener": "mpv (player)"}
    assert lines({**TOLD, "handles": [handle]})[-1] == (
        "  open: film.mkv (2.0 KiB), by mpv (player)"
    )
    assert lines({**TOLD, "handles": [{**handle, "opener": ""}]})[-1] == (
        "  open: film.mkv (2.0 KiB)"
    )


def test_what_the_guard_refused_is_told():
    """Nothing where nothing was."""
    told = {"open": 0, "opened": 0, "bytes": 0, "refused": 3}
    guard = {"indexer": told, "player": {**told, "opened": 1, "refused": 0}}
    body = lines({**TOLD, "guard": guard})
    assert [line for line in body if "guard" in line] == [
        "  guard: 3 opens refused to programs of the kind indexer"
    ]
