"""Range headers mean what Go's file server makes of them."""

from __future__ import annotations

import re

import pytest

from tests.emulators.messages import FileSpan, Request
from tests.emulators.ranges import Content, parse_range, serve


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("bytes=0-4", [(0, 5)]),
        ("bytes=7-", [(7, 17)]),
        ("bytes=-4", [(13, 17)]),
        ("bytes=-400", [(0, 17)]),
        ("bytes=10-1000", [(10, 17)]),
        ("bytes=17-20", []),
        ("bytes=0-1, 4-5", [(0, 2), (4, 6)]),
        ("bytes=0-0,99-", [(0, 1)]),
    ],
)
def test_spans_of_seventeen_bytes(text, spans):
    """Ends past the file are cut, spans past it are left out."""
    assert parse_range(text, 17) == spans


@pytest.mark.parametrize("text", ["bytes=abc", "items=0-1", "bytes=5-2", "bytes=-", "bytes 0-1"])
def test_malformed_range_is_an_error(text):
    """What cannot be read is not taken for the whole file."""
    with pytest.raises(ValueError, match=re.escape(text)):
        parse_range(text, 17)


def test_span_of_a_file_is_not_read_here():
    """A part of a file stays a reference, so gigabytes cost nothing to plan."""
    whole = FileSpan(path="/nowhere", start=0, stop=1 << 40)
    content = Content(whole=whole, media_type="x/y", etag='"e"', headers={})
    response = serve(Request.parse("GET", "/x", {"range": "bytes=5-9"}), content)
    assert response.segments == (FileSpan(path="/nowhere", start=5, stop=10),)
    assert response.headers["content-range"] == f"bytes 5-9/{1 << 40}"


def test_overlapping_spans_larger_than_the_file_get_the_file():
    """Asking for more than there is, piecewise, is answered with 200."""
    content = Content(whole=b"0123456789", media_type="x/y", etag='"e"', headers={})
    response = serve(Request.parse("GET", "/x", {"range": "bytes=0-9,0-9"}), content)
    assert (response.status, response.length) == (200, 10)
