"""The policy of reading ahead, as tables: no clock, no I/O."""

from __future__ import annotations

import pytest

from fsmount.reader.window import HEAD, TAIL, Window, next_get

KIB = 1024
MIB = 1024 * KIB
SIZE = 1024 * MIB
FAR = 1024 * MIB


def ahead(window):
    """Return (start, stop) of what the window wants first."""
    return window.spans(FAR)[0]


def wanted_bytes(window):
    start, stop = ahead(window)
    return stop - start


def read(window, start, size):
    """Take in a read and return how far a miss of it would fetch."""
    window.step(start, start + size)
    return window.reach(start, start + size, FAR)


def test_one_read_wants_nothing_ahead():
    """A single read anywhere opens no window."""
    window = Window(SIZE)
    read(window, 300 * MIB, 128 * KIB)
    assert wanted_bytes(window) == 0


def test_the_second_read_in_a_row_opens_the_window():
    """Two reads that follow each other are a sequence."""
    window = Window(SIZE)
    read(window, 300 * MIB, 128 * KIB)
    read(window, 300 * MIB + 128 * KIB, 128 * KIB)
    assert ahead(window) == (300 * MIB + 256 * KIB, 301 * MIB + 256 * KIB)


def test_the_window_grows_with_what_was_read_and_stops_at_its_limit():
    """It is a few times what was read in sequence, at most the limit and the file's end."""
    window = Window(SIZE)
    widths = []
    for at in range(0, 64 * MIB, MIB):
        window.step(at, at + MIB)
        widths.append(window.spans(48 * MIB)[0][1] - (at + MIB))
    assert widths[:4] == [0, 8 * MIB, 12 * MIB, 16 * MIB]
    assert widths[-1] == 48 * MIB
    window = Window(10 * MIB)
    for at in range(0, 8 * MIB, MIB):
        window.step(at, at + MIB)
    assert ahead(window) == (8 * MIB, 10 * MIB)


def test_growth_follows_the_link():
    """A link whose round trips are dear gets a wider window."""
    window = Window(SIZE)
    window.growth = 8
    read(window, 0, MIB)
    read(window, MIB, MIB)
    assert wanted_bytes(window) == 16 * MIB


def test_reads_out_of_order_are_one_sequence():
    """The kernel's read-ahead arrives in any order: nothing jumps, credit counts each byte once."""
    window = Window(SIZE)
    order = [0, 2, 1, 3, 6, 4, 5, 7]
    assert not any(window.step(at * 128 * KIB, (at + 1) * 128 * KIB) for at in order)
    assert window.current.position == MIB
    assert 512 * KIB <= window.current.credit <= MIB


def test_twelve_requests_of_one_mebibyte_out_of_order_do_not_jump():
    """A stream tolerates the kernel's widest read-ahead."""
    window = Window(SIZE)
    for at in range(16):
        window.step(at * MIB, (at + 1) * MIB)
    assert not any(window.step(at * MIB, (at + 1) * MIB) for at in (19, 17, 16, 18, 21, 20))


def test_a_small_step_back_is_no_jump():
    """Players step back a little; what is ahead stays wanted."""
    window = Window(SIZE)
    for at in range(0, 8 * MIB, MIB):
        window.step(at, at + MIB)
    before = ahead(window)
    assert not window.step(7 * MIB, 7 * MIB + 64 * KIB)
    assert ahead(window) == before


def test_a_seek_wants_nothing_of_the_old_place():
    """After a jump only the new place is wanted."""
    window = Window(SIZE)
    for at in range(0, 8 * MIB, MIB):
        window.step(at, at + MIB)
    assert window.step(500 * MIB, 500 * MIB + 128 * KIB)
    assert window.spans(FAR) == [(500 * MIB + 128 * KIB, 500 * MIB + 128 * KIB)]


def test_going_back_to_a_sequence_goes_on_with_its_credit():
    """Who comes back to where it streamed gets the window at once."""
    window = Window(SIZE)
    for at in range(0, 16 * MIB, MIB):
        window.step(at, at + MIB)
    window.step(900 * MIB, 901 * MIB)
    assert window.step(16 * MIB, 17 * MIB)
    assert wanted_bytes(window) >= 64 * MIB


def test_a_rewind_streams_from_its_place():
    """A jump back within what was read in sequence wants what follows there."""
    window = Window(SIZE)
    for at in range(0, 64 * MIB, MIB):
        window.step(at, at + MIB)
    assert window.step(10 * MIB, 11 * MIB)
    assert ahead(window)[0] == 11 * MIB
    assert wanted_bytes(window) >= 64 * MIB


def test_a_handle_that_alternates_keeps_both_places():
    """Two places read in turn are both wanted once the handle has come back."""
    window = Window(SIZE)
    video, sound = 0, 500 * MIB
    for _ in range(4):
        window.step(video, video + MIB)
        video += MIB
        window.step(sound, sound + 256 * KIB)
        sound += 256 * KIB
    starts = [start for start, stop in window.spans(FAR) if stop > start]
    assert starts == [sound, video]


def test_an_alternating_place_is_dropped_when_it_is_left():
    """A place that was left for good is not wanted for ever."""
    window = Window(SIZE)
    video, sound = 0, 500 * MIB
    for _ in range(4):
        window.step(video, video + MIB)
        video += MIB
        window.step(sound, sound + 256 * KIB)
        sound += 256 * KIB
    for _ in range(40):
        window.step(video, video + MIB)
        video += MIB
    assert [start for start, _ in window.spans(FAR)] == [video]


@pytest.mark.parametrize(
    ("start", "size", "reach"),
    [
        (0, 16 * KIB, HEAD),  # the head of a probe
        (0, 4 * MIB, 4 * MIB),  # more than the head was asked for
        (SIZE - TAIL, 128 * KIB, SIZE),  # a demuxer looks for its index
        (SIZE - 64 * KIB, 64 * KIB, SIZE),
        (SIZE - 64 * KIB, 4 * KIB, SIZE - 60 * KIB),  # too small for a demuxer
        (300 * MIB, 4 * KIB, 300 * MIB + 4 * KIB),
        (300 * MIB, 128 * KIB, 300 * MIB + 128 * KIB),
        (300 * MIB, MIB, 301 * MIB),
    ],
)
def test_a_first_read_fetches_what_its_kind_is_worth(start, size, reach):
    """Head and tail bring more than asked; a read anywhere else brings itself."""
    window = Window(SIZE)
    assert read(window, start, size) == reach


def test_a_small_file_is_fetched_whole_with_its_head():
    """Reach ends at the end of the file."""
    window = Window(300 * KIB)
    assert read(window, 0, 4 * KIB) == 300 * KIB


def test_a_seek_of_a_player_brings_more_than_a_random_read():
    """A handle that was streaming goes on doing so where it seeks; small reads do not count."""
    window = Window(SIZE)
    for at in range(0, 8 * MIB, MIB):
        window.step(at, at + MIB)
    assert read(window, 500 * MIB, 64 * KIB) == 501 * MIB
    for at in range(0, 8 * MIB, MIB):
        window.step(600 * MIB + at, 601 * MIB + at)
    assert read(window, 100 * MIB, 4 * KIB) == 100 * MIB + 4 * KIB


def test_random_small_reads_never_open_a_window():
    """150 random 4 KiB reads want nothing but themselves."""
    window = Window(SIZE)
    for number in range(1, 151):
        start = number * 7919 * 4096 * 31 % SIZE
        assert read(window, start, 4096) <= start + 64 * KIB
        assert wanted_bytes(window) <= 64 * KIB


def test_streaming_begins_after_half_a_mebibyte():
    """A probe of a file's head takes no share of the memory; a film does."""
    window = Window(SIZE)
    window.step(0, 128 * KIB)
    window.step(128 * KIB, 256 * KIB)
    assert not window.is_streaming
    window.step(256 * KIB, 512 * KIB)
    assert window.is_streaming


@pytest.mark.parametrize(
    ("gap", "position", "stop", "size", "length", "end"),
    [
        (40, 0, 100, 1000, 16, 56),  # room for a whole GET: one of that length
        (90, 0, 100, 1000, 16, 90),  # not yet: wait until the window has moved on
        (90, 0, 100, 100, 16, 100),  # the end of the file does not come nearer
        (40, 0, 100, 1000, 120, 100),  # young window, little on its way: take what there is
        (60, 0, 100, 1000, 120, 60),
        (10, 10, 100, 1000, 100, 100),
        (40, 0, 100, 1000, 80, 40),  # grown: it has room for all of one soon
    ],
)
def test_the_next_get_waits_for_its_length(gap, position, stop, size, length, end):
    """GETs are as long as they should be, except at the beginning and at the end."""
    assert next_get(gap=gap, position=position, stop=stop, size=size, length=length) == end


def test_the_head_of_a_film_brings_its_tail():
    """A player looks at both before it plays; the tail stays wanted while it is read."""
    window = Window(SIZE, "films/Ein Film.MKV")
    tail = (SIZE - TAIL, SIZE)
    assert tail not in window.spans(FAR)
    read(window, 0, 256 * KIB)
    assert window.spans(FAR)[1:] == [tail]
    read(window, SIZE - TAIL, 128 * KIB)
    assert tail in window.spans(FAR)


@pytest.mark.parametrize(
    ("name", "size", "start"),
    [
        ("film.mkv", SIZE, 300 * MIB),
        ("film.mkv", 10 * MIB, 0),
        ("film.txt", SIZE, 0),
        ("mkv", SIZE, 300 * MIB),
        ("", SIZE, 0),
    ],
)
def test_no_other_read_brings_a_tail(name, size, start):
    """Not one amid a film, none of a small film, none of another kind of file."""
    window = Window(size, name)
    read(window, start, 256 * KIB)
    assert (size - TAIL, size) not in window.spans(FAR)


def test_who_plays_on_wants_no_tail():
    """A film that is read from its start to its end is not fetched twice."""
    window = Window(SIZE, "film.mp4")
    for at in range(0, 6 * MIB, MIB):
        window.step(at, at + MIB)
    assert len(window.spans(FAR)) == 1
    window = Window(SIZE, "film.mp4")
    for at in range(20):
        window.step(at * 4 * KIB, (at + 1) * 4 * KIB)
    assert len(window.spans(FAR)) == 1
