"""Pictures in a terminal."""

from __future__ import annotations

import random

import pytest

from fsmount.cli.picture import Picture, decode_png, half_blocks
from tests.demo import png, ripples

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


def filtered(rows, step, kind):
    """Return the bytes of ``rows`` under one filter of PNG, as an encoder makes them."""
    done = b""
    above = bytes(len(rows[0]))
    for row in rows:
        line = bytearray([kind])
        for index, value in enumerate(row):
            left = row[index - step] if index >= step else 0
            up = above[index]
            corner = above[index - step] if index >= step else 0
            guess = left + up - corner
            nearest = min((left, up, corner), key=lambda near: abs(guess - near))
            predicted = [0, left, up, (left + up) // 2, nearest][kind]
            line.append((value - predicted) & 255)
        done += bytes(line)
        above = row
    return done


@pytest.mark.parametrize("kind", range(5))
def test_every_filter_is_undone(kind):
    """None, Sub, Up, Average, Paeth over random RGB pixels."""
    chance = random.Random(kind)
    rows = [chance.randbytes(3 * 7) for _ in range(5)]
    picture = decode_png(png(7, 5, filtered(rows, 3, kind)))
    assert (picture.width, picture.height) == (7, 5)
    assert picture.rows == [[tuple(row[x * 3 : x * 3 + 3]) for x in range(7)] for row in rows]


@pytest.mark.parametrize(
    ("colour", "line", "pixels"),
    [
        (0, b"\x00\x05\xff", [(5, 5, 5), WHITE]),
        (2, b"\x00\xff\x00\x00\x00\xff\x00", [RED, GREEN]),
        (4, b"\x00\x05\xff\x05\x00", [(5, 5, 5), WHITE]),
        (6, b"\x00\xff\x00\x00\xff\xff\x00\x00\x00", [RED, WHITE]),
    ],
)
def test_grey_and_colour_with_and_without_alpha(colour, line, pixels):
    """What is transparent is put on white."""
    assert decode_png(png(2, 1, line, colour=colour)).rows == [pixels]


@pytest.mark.parametrize(("depth", "line"), [(1, b"\x00\x40"), (2, b"\x00\x10"), (4, b"\x00\x01")])
def test_a_palette_of_any_depth(depth, line):
    """Go's captchas are palettes; the second colour is half transparent here."""
    whole = png(2, 1, line, depth=depth, colour=3)
    extra = _chunk(b"PLTE", bytes((*RED, *GREEN))) + _chunk(b"tRNS", b"\xff\x00")
    at = whole.index(b"IDAT") - 4
    assert decode_png(whole[:at] + extra + whole[at:]).rows == [[RED, WHITE]]


def _chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xd8\xff\xe0 JPEG", "not a PNG"),
        (b"\x89PNG\r\n\x1a\n", "a damaged PNG"),
        (ripples(8, 8, 1)[:60], "a damaged PNG"),
        (png(2, 1, b"\x07" + bytes(6)), "a damaged PNG"),
        (png(1, 1, bytes(7), depth=16), "an unusual kind of PNG"),
        (png(100_000, 100_000, b""), "a PNG of no sensible size"),
    ],
)
def test_what_is_not_drawn_is_refused(data, message):
    """With one sort of failure, whatever is wrong."""
    with pytest.raises(ValueError, match=message):
        decode_png(data)


def test_two_rows_of_pixels_make_one_line():
    """The upper one in front, the lower one behind; below an odd last row is white."""
    picture = Picture(width=1, height=3, rows=[[RED], [GREEN], [RED]])
    first, second = half_blocks(picture, 80).splitlines()
    assert first == "\x1b[38;2;255;0;0;48;2;0;255;0m▀\x1b[0m"
    assert second == "\x1b[38;2;255;0;0;48;2;255;255;255m▀\x1b[0m"


def test_a_wide_picture_is_made_to_fit():
    """By leaving out pixels, the same in both directions."""
    text = half_blocks(decode_png(ripples(100, 50, 2)), 40)
    lines = text.splitlines()
    assert [line.count("▀") for line in lines] == [34] * 9
