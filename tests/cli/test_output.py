"""Where cat writes."""

from __future__ import annotations

import os
import pty

import pytest

from fsmount.cli.output import open_output
from fsmount.cli.rows import Row, local_time, printable, size_text
from fsmount.errors import FsmountError


def test_a_file_appears_when_it_is_whole(tmp_path):
    """Until then it has another name, and what stood there stays."""
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with open_output(target, "x", 6) as write:
        write(b"abc")
        assert target.read_bytes() == b"old"
        write(memoryview(b"def"))
    assert target.read_bytes() == b"abcdef"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    """Neither half a file nor the hidden one."""

    def fail_half_way():
        with open_output(tmp_path / "a", "x", 6) as write:
            write(b"abc")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert os.listdir(tmp_path) == []


def test_a_directory_gets_the_file_under_its_name(tmp_path):
    """As cp does."""
    with open_output(tmp_path, "名.txt", 1) as write:
        write(b"x")
    assert (tmp_path / "名.txt").read_bytes() == b"x"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    """With the reason."""
    target = tmp_path / "missing" / "a"
    with pytest.raises(FsmountError) as caught, open_output(target, "x", 1):
        pass
    assert str(caught.value) == f'cannot write "{target}": No such file or directory'


def test_what_the_reader_met_is_not_blamed_on_the_output(tmp_path):
    """An OSError of the block rises as it is."""
    with pytest.raises(PermissionError), open_output(tmp_path / "a", "x", 1):
        raise PermissionError


def test_progress_is_drawn_for_a_person(tmp_path, monkeypatch):
    """On a terminal a bar is drawn on standard error; "[" in a name is no markup."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        monkeypatch.setenv("TERM", "xterm-256color")
        with open_output(tmp_path / "a", "[red]名.bin", 4) as write:
            write(b"abcd")
        drawn = os.read(ours, 65536).decode()
    os.close(ours)
    assert "[red]名.bin" in drawn
    assert "4/4 bytes" in drawn


@pytest.mark.parametrize(
    ("row", "long", "line"),
    [
        (Row(name="a", is_folder=False, size=5, mtime_ns=0), False, "a"),
        (Row(name="d", is_folder=True, size=0, mtime_ns=0), False, "d/"),
        (Row(name="a", is_folder=False, size=12345, mtime_ns=0), True, f"{12345:>14}  {'':16}  a"),
        (Row(name="d", is_folder=True, size=0, mtime_ns=0), True, f"{'-':>14}  {'':16}  d/"),
    ],
)
def test_a_row_is_a_name_or_size_time_name(row, long, line):
    """Folders end with a slash and have no size."""
    assert row.written(long=long) == line


def test_times_are_local_and_sizes_are_short():
    """A time that is not known is nothing."""
    assert len(local_time(10**18)) == 16
    assert local_time(0) == ""
    assert [size_text(n) for n in (0, 1023, 1024, 1536 * 1024, 2**50)] == [
        *("0 B", "1023 B", "1.0 KiB", "1.5 MiB", "1024.0 TiB"),
    ]


def test_names_cannot_steer_a_terminal(monkeypatch):
    """On a terminal control characters are "?"; in a pipe names stay what they are."""
    assert printable("a\x1b[2Jb") == "a\x1b[2Jb"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert printable("a\x1b[2J\n名🎉") == "a?[2J?名🎉"
