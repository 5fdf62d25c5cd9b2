"""Decoding what providers really send, for every driver.

Providers are careless with types: an id is a number here and a string there, a missing number is
``""`` or null, a size is a float. Drivers declare such fields as ``Scalar`` in their wire structs
and take the value through ``whole`` or ``text``. Listings are decoded row by row, so that one bad
row costs itself and never the folder.

This module knows no provider and raises ``ProtocolError`` only.
"""

from __future__ import annotations

import calendar
import functools
import json
import logging
import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from fsmount.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

Scalar = int | float | str | bool | None
"""A number or an id as it may arrive: number, digits in a string, ``""``, null, a float."""

Document = TypeVar("Document")
Row = TypeVar("Row")

# What msgspec raises for bytes that are not JSON: invalid UTF-8 comes through as Python's own error
# (msgspec 0.19 to 0.22, observed 2026-11-22).
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def whole(value: Scalar) -> int | None:
    """Return ``value`` as a whole number; None when it is missing or is not one.

    Floats are taken when they are whole (``3.0``), strings when they hold such a number; numbers
    beyond 2**53 keep every digit unless they came as floats.
    """
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"[+-]?[0-9]{1,40}", text):
            return int(text)
        try:
            value = float(text)
        except ValueError:
            return None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    return None if value is None else int(value)


def text(value: Scalar) -> str:
    """Return ``value`` as an id is compared: 12, "12" and 12.0 are one; "" when missing."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float):
        number = whole(value)
        return str(value) if number is None else str(number)
    return str(value)


def truth(value: Scalar) -> bool:
    """Return ``value`` as a flag: true, 1, "1" and "true" are; anything else is not."""
    return value.strip().lower() in ("1", "true") if isinstance(value, str) else bool(value)


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,12}))?"
    r"(?:[Zz]|([+-])(\d\d):?(\d\d))"
)


def time_ns(value: Scalar) -> int | None:
    """Return an RFC 3339 time as Unix nanoseconds, exactly; None when it is missing or not one.

    A zero time (year 1, as Go writes one that was never set) counts as missing.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = match.groups()
    if year == "0001":
        return None
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))
    except ValueError:
        return None
    seconds = calendar.timegm(moment.timetuple())
    if sign:
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0")[:9])


class Listing(msgspec.Struct, Generic[Document, Row], frozen=True, kw_only=True):
    """A listing decoded row by row.

    Attributes:
        document: All but the rows.
        rows: Those that could be understood, in order.
        raw_count: All rows, understood or not.
        faults: Why rows were left out, one reason each; no values of theirs.
    """

    document: Document
    rows: list[Row]
    raw_count: int
    faults: list[str]


_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}


def _decoder(kind: type[Document]) -> msgspec.json.Decoder[Document]:
    # Building one inspects the whole struct; there are a handful of kinds per driver.
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind)
    return _DECODERS[kind]


def loads(body: bytes, what: str) -> object:
    """Return ``body`` as plain JSON values, forgiving what only spoils a single string.

    A lone surrogate or a byte that is not UTF-8 stays as a surrogate in its own string, where
    ``decode_rows`` finds it.

    Raises:
        ProtocolError: It is no JSON at all: half a body, or a page for people.
    """
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(f"{what}: {shape(body)}") from exc


def shape(body: bytes) -> str:
    """Say what ``body``, which is not the JSON that was expected, looks like."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not start:
        return "an empty answer"
    if start == b"<":
        return "a web page instead of JSON"
    if start in b"{[":
        return f"JSON that ends or breaks somewhere in its {len(body)} bytes"
    return "text instead of JSON"


def decode(body: bytes, kind: type[Document], what: str) -> Document:
    """Return ``body`` as ``kind``.

    Raises:
        ProtocolError: Names the field that is not as promised; ``what`` says whose answer it is.
    """
    try:
        return _decoder(kind).decode(body)
    except _NOT_JSON:
        return _convert(loads(body, what), kind, what)


def decode_rows(
    body: bytes, document: type[Document], row: type[Row], *, path: tuple[str, ...], what: str
) -> Listing[Document, Row]:
    """Return a listing, row by row: a bad row is left out and its reason kept.

    Args:
        body: JSON.
        document: Struct of the whole answer; declares the rows as ``list[msgspec.Raw]``.
        row: Struct of one row.
        path: Names that lead to the list of rows.
        what: Whose answer it is, for messages.

    Raises:
        ProtocolError: The answer is not JSON, or is wrong outside its rows.
    """
    try:
        rest = _decoder(document).decode(body)
        raw = functools.reduce(getattr, path, cast("Any", rest))
    except _NOT_JSON:
        rest, raw = _forgiving_rows(body, document, path, what)
    rows: list[Row] = []
    faults: list[str] = []
    decoder = _decoder(row)
    for item in raw:
        try:
            rows.append(decoder.decode(item))
        except msgspec.ValidationError as exc:
            faults.append(str(exc))  # names the field, never its value
        except _NOT_JSON:
            faults.append("a string that is not Unicode text")
    return Listing(document=rest, rows=rows, raw_count=len(raw), faults=faults)


def tell_left_out(remote: str, folder: str, faults: Sequence[str]) -> None:
    """Log how many rows of a page cannot be understood, if any, and why the first one cannot.

    Args:
        remote: Its name.
        folder: Name of the folder that was listed.
        faults: One for each row; names fields, never values.
    """
    if faults:
        log.warning(
            "remote=%s folder=%r left_out=%d entries that cannot be understood; first: %s",
            remote,
            folder,
            len(faults),
            faults[0],
        )


def _forgiving_rows(
    body: bytes, document: type[Document], path: tuple[str, ...], what: str
) -> tuple[Document, list[bytes]]:
    # Each row is written out again by itself: what spoiled the document now spoils only the rows
    # that caused it, and the strict decoder finds them.
    tree = loads(body, what)
    rows: object = None
    place = functools.reduce(
        lambda at, name: at.get(name) if isinstance(at, dict) else None, path[:-1], tree
    )
    if isinstance(place, dict):
        rows, place[path[-1]] = place.get(path[-1]), []
    if not isinstance(rows, list | None):
        raise ProtocolError(f"{what}: {'.'.join(path)} is not a list")
    return _convert(tree, document, what), [json.dumps(item).encode() for item in rows or []]


def _convert(tree: object, kind: type[Document], what: str) -> Document:
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as exc:
        raise ProtocolError(f"{what}: {exc}") from exc
