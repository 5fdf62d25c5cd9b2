"""What a mount told, as lines for people: who reads, and who was refused."""

from __future__ import annotations

import pytest

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


NOW = 1_700_000_000.0


@pytest.fixture
def now(monkeypatch):
    """Let it be one moment, in a zone that is the same everywhere."""
    monkeypatch.setattr("fsmount.cli.statustext.time.time", lambda: NOW)
    monkeypatch.setattr("fsmount.cli.statustext.local_time", lambda ns: f"@{ns // 10**9}")


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        ({}, []),
        (
            {"access_ends": NOW + 3600, "refresh_ends": NOW + 90 * 86400, "renewed": True},
            [
                "login: access token ends in 60 min (@1700003600), renewed by itself; "
                "refresh token ends in 90 days (@1707776000)"
            ],
        ),
        (
            {"access_ends": NOW + 20 * 3600, "renewed": False},
            ["login: access token ends in 20.0 h (@1700072000)"],
        ),
        (
            {"access_ends": None, "renewed": False},
            ["login: access token whose end is not told"],
        ),
        ({"share_ends": NOW + 7 * 86400}, ["share: ends in 7 days (@1700604800)"]),
        ({"share_ends": NOW - 60}, ["share: ended @1699999940"]),
        ({"share_ends": None}, ["share: no end is told"]),
    ],
)
def test_lives_of_tokens_and_share_are_told(now, life, expected):
    """Each with when and how long from now; nothing of what there is not."""
    said = lines({**TOLD, "lives": [{"remote": "films", **life}]})
    assert [line.strip() for line in said if "login:" in line or "share:" in line] == expected


def test_of_several_remotes_each_has_its_life(now):
    """Under its name."""
    remotes = [{"name": name, "paths": ["/"], "state": "online"} for name in ("films", "more")]
    lives = [{"remote": "films", "share_ends": NOW + 600}, {"remote": "more", "share_ends": None}]
    said = lines({**TOLD, "remotes": remotes, "lives": lives})
    assert "  films share: ends in 10 min (@1700000600)" in said
    assert "  more share: no end is told" in said
