"""Each header trap of a ranged GET: which bytes may be taken, and what everything else means."""

from __future__ import annotations

import pytest

from fsmount.errors import (
    Changed,
    Denied,
    FsmountError,
    LinkExpired,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    WrongSize,
)
from fsmount.transfer.answers import promised_bytes, refusal

SIZE = 1000


def promised(status, headers, start=100, stop=200, size=SIZE):
    return promised_bytes(status, headers, start=start, stop=stop, size=size)


def ranged(content_range, **headers):
    return {"content-range": content_range} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }


@pytest.mark.parametrize(
    ("headers", "count"),
    [
        (ranged("bytes 100-199/1000", content_length="100"), 100),
        (ranged("bytes 100-199/1000"), 100),  # chunked
        (ranged("Bytes  100-199/1000 "), 100),
        (ranged("bytes 100-199/*"), 100),
        (ranged("bytes 100-149/1000", content_length="50"), 50),  # fewer is legal, RFC 9110
        (ranged("bytes 100-199/1000", content_type="application/json"), 100),  # a JSON file
        (ranged("bytes 100-199/1000", content_encoding="identity"), 100),
    ],
)
def test_a_206_with_the_asked_range_brings_what_it_says(headers, count):
    """The body may be taken, as far as the range goes."""
    assert promised(206, headers) == count


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "multipart/byteranges; boundary=x"},
        ranged("bytes 100-199"),
        ranged("bytes */1000"),
        ranged("items 100-199/1000"),
        ranged("bytes 0-199/1000"),
        ranged("bytes 101-199/1000"),
        ranged("bytes 100-200/1000"),
        ranged("bytes 100-99/1000"),
        ranged("bytes 100-149/*"),
        ranged("bytes 100-199/1000", content_length="99"),
        ranged("bytes 100-199/1000", content_length="1000"),
        ranged("bytes 100-199/1000", content_encoding="gzip"),
    ],
)
def test_a_206_with_anything_else_is_a_protocol_error(headers):
    """Bytes of another place, or of no place that can be told, never get in."""
    with pytest.raises(ProtocolError):
        promised(206, headers)


@pytest.mark.parametrize("content_range", ["bytes 100-199/2000", "bytes 100-149/150"])
def test_another_total_is_another_size(content_range):
    """The content tells its true size, whatever the listing said."""
    with pytest.raises(WrongSize) as caught:
        promised(206, ranged(content_range))
    assert caught.value.actual == int(content_range.rpartition("/")[2])


def test_a_200_is_taken_only_for_the_whole_file():
    """Of the expected length, uncompressed, and no JSON."""
    good = {"content-length": "1000", "content-type": "video/mp4"}
    assert promised(200, good, 0, SIZE) == SIZE
    assert promised(200, good | {"content-type": "text/html"}, 0, SIZE) == SIZE
    assert promised(200, good, 0, 999) is None
    assert promised(200, good, 1, SIZE) is None
    assert promised(200, good | {"content-length": "96"}, 0, SIZE) is None
    assert promised(200, good | {"content-encoding": "br"}, 0, SIZE) is None
    assert promised(200, {}, 0, SIZE) is None
    for json_type in ("application/json; charset=utf-8", "Application/Problem+JSON"):
        assert promised(200, good | {"content-type": json_type}, 0, SIZE) is None


@pytest.mark.parametrize("status", [204, 301, 304, 403, 416, 500])
def test_no_other_status_brings_bytes(status):
    """Even with the headers of a 206."""
    assert promised(status, ranged("bytes 100-199/1000")) is None


def refused(status, headers=None, body=b"", classify=None):
    return refusal(status, headers or {}, body, size=SIZE, classify=classify, wall=lambda: 1000.0)


@pytest.mark.parametrize(
    ("status", "headers", "failure", "renew"),
    [
        (401, {}, Denied, True),
        (403, {}, Denied, True),
        (410, {}, Denied, True),
        (400, {}, ProviderFault, True),
        (404, {}, NotFound, True),
        (407, {}, Denied, False),
        (429, {}, Throttled, False),
        (503, {"retry-after": "3"}, Throttled, False),
        (503, {}, ProviderFault, False),
        (500, {}, ProviderFault, False),
        (408, {}, ProviderFault, False),
        (416, {}, Changed, False),
        (416, {"content-range": "bytes */1000"}, ProtocolError, False),
        (302, {}, ProtocolError, False),
        (412, {}, ProtocolError, False),
        (200, {"content-type": "application/json"}, ProtocolError, False),
        (200, {"content-type": "text/html"}, ProtocolError, False),
        (200, {"content-length": "1000"}, ProtocolError, False),
        (200, {"content-length": "0"}, ProtocolError, False),
    ],
)
def test_a_status_means_what_every_cdn_means_by_it(status, headers, failure, renew):
    """Without the provider's own words; a new link is tried where it may help."""
    got = refused(status, headers)
    assert type(got.failure) is failure
    assert got.renew is renew


@pytest.mark.parametrize(
    ("status", "headers", "actual"),
    [
        (416, {"content-range": "bytes */50"}, 50),
        (416, {"content-range": "bytes */0"}, 0),
        (200, {"content-length": "0", "accept-ranges": "bytes"}, 0),
    ],
)
def test_a_refusal_may_tell_the_true_size(status, headers, actual):
    """An empty file has no ranges and is answered as a whole."""
    failure = refused(status, headers).failure
    assert isinstance(failure, WrongSize)
    assert failure.actual == actual


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 1970 00:17:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    """Anything else is as if it had not been said."""
    assert refused(429, {"retry-after": text}).failure.retry_after_s == seconds


def test_the_providers_own_words_come_first():
    """The hook sees status, headers and body; its ``LinkExpired`` renews, None leaves it to us."""
    seen = []

    def classify(status, headers, body):
        seen.append((status, headers, body))
        return {b"over": LinkExpired("over"), b"gone": Changed("gone")}.get(body)

    headers = {"content-type": "application/json"}
    over = refused(200, headers, b"over", classify)
    assert (type(over.failure), over.renew) == (LinkExpired, True)
    gone = refused(200, headers, b"gone", classify)
    assert (type(gone.failure), gone.renew) == (Changed, False)
    assert type(refused(403, {}, b"?", classify).failure) is Denied
    assert seen == [(200, headers, b"over"), (200, headers, b"gone"), (403, {}, b"?")]


def test_each_refusal_is_a_sentence():
    """Every message is one line for people."""
    for status in range(200, 600):
        failure = refused(status).failure
        assert isinstance(failure, FsmountError)
        assert "\n" not in str(failure)
        assert len(str(failure)) > 20
