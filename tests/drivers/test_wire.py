"""Whatever a provider sends for a number or a row, it costs at most that row."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsmount.drivers import wire
from fsmount.errors import ProtocolError


class Row(msgspec.Struct):
    id: wire.Scalar
    name: str


class Inner(msgspec.Struct):
    rows: list[msgspec.Raw] = []
    total: wire.Scalar = None


class Document(msgspec.Struct):
    data: Inner


def decoded(body):
    return wire.decode_rows(body, Document, Row, path=("data", "rows"), what="a listing")


def listing(*rows, total=None):
    return json.dumps({"data": {"rows": list(rows), "total": total}}).encode()


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        ("7", 7),
        (" 7 ", 7),
        ("-7", -7),
        (7.0, 7),
        ("7.0", 7),
        ("1e3", 1000),
        (2**63 + 1, 2**63 + 1),
        ("9223372036854775809", 2**63 + 1),
        (True, 1),
        (7.5, None),
        ("7.5", None),
        ("", None),
        (None, None),
        ("seven", None),
        ("nan", None),
        ("inf", None),
        (float("inf"), None),
    ],
)
def test_a_scalar_is_a_whole_number_or_missing(value, number):
    """Numbers, digits in strings and whole floats are numbers; all else is missing."""
    assert wire.whole(value) == number


@pytest.mark.parametrize(
    ("value", "words"),
    [(12, "12"), ("12", "12"), (12.0, "12"), ("", ""), (None, ""), (True, ""), ("aB", "aB")],
)
def test_ids_compare_equal_however_they_came(value, words):
    """An id is the same id as a number, a string and a float."""
    assert wire.text(value) == words


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        *((True, True), ("true", True), (1, True), ("1", True)),
        *(("false", False), ("", False), (None, False), (0, False), (False, False)),
    ],
)
def test_flags_that_are_left_out_are_off(value, flag):
    """A missing flag is off; on is on in any spelling."""
    assert wire.truth(value) is flag


@pytest.mark.parametrize(
    ("value", "moment_ns"),
    [
        ("2026-11-22T11:18:12.150897133Z", 1795346292150897133),
        ("2026-11-22T19:18:12.150897133+08:00", 1795346292150897133),
        ("2026-11-22T06:18:12.150897133-05:00", 1795346292150897133),
        ("2026-11-22T11:18:12Z", 1795346292000000000),
        ("2026-11-22T11:18:12.1Z", 1795346292100000000),
        ("1969-12-31T23:59:59.5Z", -500000000),
        ("0001-01-01T00:00:00Z", None),
        ("2026-13-22T11:18:12Z", None),
        ("2026-11-22", None),
        ("", None),
        (None, None),
        (1795346292, None),
    ],
)
def test_times_are_exact_to_the_nanosecond(value, moment_ns):
    """RFC 3339 in any zone; a zero time and anything else are missing."""
    assert wire.time_ns(value) == moment_ns


def test_a_good_listing_is_decoded_whole():
    """Rows in order, the rest beside them."""
    found = decoded(listing({"id": 1, "name": "a"}, {"id": "x", "name": "b"}, total="2"))
    assert [(row.id, row.name) for row in found.rows] == [(1, "a"), ("x", "b")]
    assert (found.raw_count, found.faults, found.document.data.total) == (2, [], "2")


@pytest.mark.parametrize(
    "bad",
    [
        {"id": 2},
        {"id": 2, "name": 5},
        {"id": 2, "name": None},
        {"id": [2], "name": "b"},
        {"id": 2, "name": "\ud800"},
        {"id": 2, "name": "b", "more": "\udfff"},
        "a string",
        None,
        17,
    ],
)
def test_one_bad_row_costs_that_row_only(bad):
    """Missing field, wrong type or a lone surrogate: the neighbours stay."""
    found = decoded(listing({"id": 1, "name": "a"}, bad, {"id": 3, "name": "c"}, total=3))
    assert [row.name for row in found.rows] == ["a", "c"]
    assert (found.raw_count, len(found.faults), found.document.data.total) == (3, 1, 3)


def test_bytes_that_are_not_unicode_cost_their_row_only():
    """A name in another encoding does not spoil the folder."""
    body = listing({"id": 1, "name": "a"}, {"id": 2, "name": "?"}, {"id": 3, "name": "c"})
    found = decoded(body.replace(b"?", "文件".encode("gbk")))
    assert [row.name for row in found.rows] == ["a", "c"]
    assert found.faults == ["a string that is not Unicode text"]


def test_a_reason_never_quotes_the_row():
    """What is logged about a bad row names the field, not the value."""
    found = decoded(
        listing({"id": ["s3cret"], "name": "s3cret"}, {"id": 1, "name": "s3cret\ud800"})
    )
    assert len(found.faults) == 2
    assert "s3cret" not in "".join(found.faults)


@pytest.mark.parametrize("rows", [None, []])
def test_null_is_an_empty_listing(rows):
    """Go writes null for a slice that was never made."""
    found = decoded(json.dumps({"data": {"rows": rows}}).encode())
    assert (found.rows, found.raw_count) == ([], 0)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "an empty answer"),
        (b"<!doctype html><title>502</title>", "a web page instead of JSON"),
        (b"404 page not found", "text instead of JSON"),
        (listing({"id": 1, "name": "a"})[:-9], "JSON that ends or breaks"),
        (b'{"data": {"rows": {"id": 1}}}', "data.rows is not a list"),
        (b'{"data": []}', "a listing"),
        (b"[" * 100_000, "JSON that ends or breaks"),
    ],
)
def test_half_a_body_is_a_protocol_error(body, says):
    """What is no JSON, or wrong outside its rows, fails as a whole and says how it looks."""
    with pytest.raises(ProtocolError, match=says):
        decoded(body)


def test_a_wrong_field_is_named():
    """The message of a typed answer names the field and not its value."""
    with pytest.raises(ProtocolError, match=r"a row: .*`\$.name`") as info:
        wire.decode(b'{"id": 1, "name": 17}', Row, "a row")
    assert "17" not in str(info.value)


def test_a_lone_surrogate_elsewhere_does_not_spoil_an_answer():
    """A field that nobody reads may hold anything."""
    row = wire.decode(b'{"id": 1, "name": "a", "other": "\\ud83d"}', Row, "a row")
    assert (row.id, row.name) == (1, "a")


@given(st.lists(st.one_of(st.text(max_size=5), st.just("\ud800x"))))
def test_any_names_survive_unless_they_are_no_text(names):
    """Every name that is Unicode text comes through, in order; the others are counted."""
    found = decoded(listing(*({"id": at, "name": name} for at, name in enumerate(names))))
    assert [row.name for row in found.rows] == [name for name in names if name != "\ud800x"]
    assert len(found.rows) + len(found.faults) == len(names)
