"""status as text, from what a mount told."""

from __future__ import annotations

import pytest

from fsmount.cli.statustext import lines

TOLD = {
    "mountpoint": "/mnt/p",
    "source": "photos",
    "state": "online",
    "reason": "",
    "until": None,
    "driver": "cloudreve",
    "pid": 7,
    "since": 1.7e9,
    "space": {"total": 2**40, "used": 2**30},
    "memory": {
        "memory_used": 1024,
        "memory_budget": 2**28,
        "fetched": 3,
        "gets": 1,
        "from_disk": 0,
    },
    "disk": {"bytes": 8192, "budget": 10 * 2**30, "paused": 0},
    "governor": {},
    "handles": [],
}
QUIET = {
    "waiting": 0,
    "learned": False,
    "rate_per_s": None,
    "blocked_until": None,
    "paused_until": None,
}


def test_a_mount_in_good_health_takes_six_lines(monkeypatch):
    """Where and what, its state, since when, space, memory, disk."""
    monkeypatch.setenv("TZ", "UTC")
    told = lines(TOLD)
    assert told[0] == "/mnt/p  photos"
    assert told[1] == "  online"
    assert told[2].startswith("  driver cloudreve, since 2023-11-1")
    assert told[2].endswith(", pid 7")
    assert told[3:] == [
        "  space: 1.0 GiB of 1.0 TiB used",
        "  memory: 1.0 KiB of 256.0 MiB; 3 B fetched in 1 request, 0 B read from the disk cache",
        "  disk cache: 8.0 KiB of 10.0 GiB",
    ]


def test_what_is_wrong_is_said_with_its_end():
    """State, reason, until when."""
    told = lines({**TOLD, "state": "throttled", "reason": "slow down", "until": 1.7e9})
    assert told[1].startswith("  throttled: slow down (until ")


def test_parts_that_are_not_there_take_no_line():
    """No capacity, no disk cache."""
    told = lines({**TOLD, "space": None, "disk": None})
    assert not [line for line in told if "space" in line or "disk cache: " in line]


@pytest.mark.parametrize(
    ("lane", "text"),
    [
        ({"waiting": 3}, "3 waiting"),
        ({"learned": True, "rate_per_s": 0.5}, "slowed to 0.5 a second"),
        ({"blocked_until": 1.7e9}, "blocked until "),
        ({"paused_until": 1.7e9}, "paused until "),
    ],
)
def test_only_a_notable_pace_is_told(lane, text):
    """A family whose calls just go through has no line."""
    told = lines({**TOLD, "governor": {"list h": {**QUIET, **lane}, "link h": QUIET}})
    assert told[-1].startswith(f"  list h: {text}")
    assert not [line for line in told if "link h" in line]


@pytest.mark.parametrize(
    ("count", "line"), [(1, "1 offline download under way"), (2, "2 offline downloads under way")]
)
def test_what_the_provider_downloads_is_told(count, line):
    """While there is any."""
    assert lines({**TOLD, "downloads": count})[-1] == f"  {line}"
    assert lines({**TOLD, "downloads": 0}) == lines(TOLD)


def test_a_disk_cache_that_stopped_is_told():
    """Reading goes on, so only here it shows."""
    told = lines({**TOLD, "disk": {**TOLD["disk"], "paused": 1}})
    assert told[-1].endswith("10.0 GiB, not writing (the disk is full or slow)")


HANDLE = {
    "path": "film.mkv",
    "size": 2**20,
    "changed": False,
    "cached": [0.0, 0.5, 0.99, 1.0],
    "rate": 2**20,
    "position": 2**19,
    "in_flight": 3,
    "window": 2**25,
    "link_remaining_s": 3000.0,
}


def test_open_files_show_what_is_at_hand_and_what_is_done():
    """Path, size, position; cached stretches; speed, requests, window, life of the link."""
    assert lines({**TOLD, "handles": [HANDLE]})[-3:] == [
        "  open: film.mkv (1.0 MiB), at 50 %",
        "    [ ▄▇█]",
        "    1.0 MiB/s, 3 requests in flight, reads 32.0 MiB ahead, link lives 50 min",
    ]


def test_an_open_file_that_nobody_reads_takes_a_line():
    """What there is nothing to say about is left out."""
    assert lines({**TOLD, "handles": [{"path": "a", "size": 0, "changed": True}]})[-1] == (
        "  open: a (0 B), changed since it was opened"
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"link_remaining_s": -3.0}, "link lives 0 s"),
        ({"link_remaining_s": 119.0}, "link lives 119 s"),
        ({"link_remaining_s": 10800.0}, "link lives 3.0 h"),
        ({"link_remaining_s": None, "in_flight": 1}, "1 request in flight"),
        ({"link_remaining_s": None, "rate": 10.0}, "10 B/s"),
        ({"link_remaining_s": None, "window": 1024}, "reads 1.0 KiB ahead"),
    ],
)
def test_each_part_of_what_is_done_stands_alone(change, line):
    """In units that people use."""
    idle = {**HANDLE, "rate": 0.0, "in_flight": 0, "window": 0, **change}
    assert lines({**TOLD, "handles": [idle]})[-1] == f"    {line}"


def test_watching_shows_it_again_until_ctrl_c(fsmount, monkeypatch):
    """Each time what the mounts tell then; a name cannot move the cursor."""
    told = [
        {**TOLD, "handles": [{**HANDLE, "path": "one\x1b[2J"}]},
        {**TOLD, "handles": [{**HANDLE, "path": "two"}]},
    ]

    def sleep(_seconds):
        if not told:
            raise KeyboardInterrupt

    monkeypatch.setattr("fsmount.cli.watching._ask_all", lambda _path: [told.pop(0)])
    monkeypatch.setattr("fsmount.cli.watching.time.sleep", sleep)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    result = fsmount("status", "--watch")
    assert result.code == 130
    assert "two" in result.out
    assert "one\x1b[2J" not in result.out


def test_a_mount_that_does_not_answer_is_told_by_its_error():
    """The others are shown all the same."""
    assert lines({"mountpoint": "/mnt/p", "error": "it does not answer"}) == [
        "/mnt/p",
        "  it does not answer",
    ]


def test_without_mounts_it_says_so(fsmount):
    """Exit code 0: nothing failed. As JSON it is an empty list."""
    result = fsmount("status")
    assert (result.code, result.line) == (0, "nothing is mounted by fsmount")
    assert fsmount("status", "--json").out == "[]\n"


@pytest.mark.parametrize("word", ["status", "refresh"])
def test_a_path_outside_of_any_mount_is_said(fsmount, tmp_path, word):
    """What to do instead."""
    result = fsmount(word, tmp_path)
    assert result.line == (
        f'fsmount: "{tmp_path}" is not in a mount of fsmount; "fsmount status" lists them'
    )
    assert result.code == 1


def test_what_is_not_mounted_is_not_unmounted(fsmount, tmp_path):
    """Each is told, and the exit code is that of a failure."""
    result = fsmount("umount", tmp_path, tmp_path / "x")
    assert result.err.splitlines() == [
        f'fsmount: "{path}" is not a mount of fsmount; "fsmount status" lists them'
        for path in (tmp_path, tmp_path / "x")
    ]
    assert result.code == 1


def test_of_several_remotes_each_has_its_line():
    """Name, places, state and reason."""
    remotes = [
        {"name": "a", "paths": ["/", "/x"], "state": "online", "reason": "", "until": None},
        {"name": "b", "paths": ["/"], "state": "offline", "reason": "no network", "until": None},
    ]
    told = lines({**TOLD, "state": "partial", "reason": "b is offline", "remotes": remotes})
    assert told[1:4] == [
        "  partial",
        "    a at /, /x: online",
        "    b at /: offline: no network",
    ]
