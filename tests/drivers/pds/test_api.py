"""Listings and links off the wire: types as they come, ends of pages, ends of links."""

from __future__ import annotations

import pytest

from fsmount.drivers.pds import api
from fsmount.drivers.pds.entries import entry
from fsmount.errors import ProtocolError
from fsmount.model import Kind
from tests.drivers.pds.scripted import NOW, answered, file_object, listing


def read(*files):
    """Return the entries of a page."""
    return [entry(each) for each in api.read_list(listing(*files), None).files]


def test_files_and_folders_are_what_their_type_says():
    """The vendor's own example has a file whose type is folder: the name tells nothing."""
    page = api.read_list(listing(file_object("a.txt", folder=True), file_object("b")), None)
    first, second = (entry(each) for each in page.files)
    assert (first.kind, first.name, first.version) == (Kind.FOLDER, "a.txt", "")
    assert (second.kind, second.size, second.mtime_ns) == (Kind.FILE, 5, 1795346292500000000)
    assert (second.version, second.digest) == ("b1f", "sha1:b1f")
    assert page.next is None


@pytest.mark.parametrize(
    ("fields", "version", "digest"),
    [
        ({}, "x1f", "sha1:x1f"),
        ({"content_hash_name": ""}, "x1f", "sha1:x1f"),
        ({"content_hash_name": "SHA256"}, "x1f", "sha256:x1f"),
        ({"content_hash_name": "of their own"}, "x1f", ""),
        ({"content_hash": "", "crc64_hash": 123}, "123", ""),
        ({"content_hash": None, "revision_id": "R1"}, "r1", ""),
        ({"content_hash": None}, "2026-11-22t11:18:12.500z", ""),
        ({"size": 0}, "", "sha1:x1f"),
    ],
)
def test_a_version_names_the_bytes(fields, version, digest):
    """By the best that the domain tells."""
    (found,) = read(file_object("x", **fields))
    assert (found.version, found.digest) == (version, digest)


@pytest.mark.parametrize("value", ["12", 12, 12.0])
def test_numbers_come_as_they_like(value):
    """Vendor examples print ids as bare numbers now and then."""
    (found,) = read(file_object("x", file_id=value, size=value))
    assert (found.id, found.size) == ("12", 12)


@pytest.mark.parametrize("size", [None, "", -1, "many"])
def test_a_size_that_is_none_is_not_known(size):
    """Not zero: the file can be read."""
    (found,) = read(file_object("x", size=size))
    assert found.size is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"file_id": ""}, "empty `file_id`"),
        ({"type": "link"}, "unknown `type` 'link'"),
        ({"name": None}, "name"),
        ({"name": "\ud800"}, "not Unicode"),
        ({"size": []}, "size"),
    ],
)
def test_a_bad_row_costs_itself(row, reason):
    """The others are there, and the reason is kept."""
    page = api.read_list(listing(file_object("a"), file_object("b") | row, file_object("c")), None)
    assert [each.name for each in page.files] == ["a", "c"]
    assert reason in page.faults[0]


def test_a_marker_that_comes_again_is_an_end_with_an_error():
    """Else a folder would be listed for ever."""
    assert api.read_list(listing(marker="M2"), "M1").next == "M2"
    with pytest.raises(ProtocolError, match="does not move on"):
        api.read_list(listing(marker="M1"), "M1")


@pytest.mark.parametrize("body", [b"<html>", b'{"items": [', b'{"items": {}}', b"{}", b"[]", b""])
def test_what_is_no_listing_is_no_empty_folder(body):
    """It would look as if everything had been removed."""
    with pytest.raises(ProtocolError):
        api.read_list(answered(body), None)


def test_uploads_and_what_lies_in_the_bin_are_not_there():
    """Whichever way it is told."""
    for gone in ({"status": "uploading"}, {"trashed_at": "2026-11-22T11:00:00Z"}):
        assert not api.read_list(listing(file_object("x", **gone)), None).files[0].is_there
    assert not api.read_file(answered(file_object("x", trashed=True))).is_there
    assert api.read_file(answered(file_object("x", trashed=False, trashed_at=""))).is_there


@pytest.mark.parametrize(
    ("more", "query", "lifetime_s"),
    [
        ({"expiration": "2026-11-22T11:36:04.000Z"}, "", 900),
        # Four hours were asked, the URL says fifteen minutes: the earlier end counts.
        ({"expiration": "2026-11-22T15:21:04Z"}, f"?Expires={NOW + 900:.0f}", 900),
        ({}, f"?x-oss-expires={NOW + 300:.0f}", 300),
        ({"expiration": "2026-11-22T11:21:00Z"}, "", 0),
        ({}, "", 900),
        ({"expiration": "soon"}, "?Expires=soon", 900),
    ],
)
def test_a_link_lives_as_long_as_it_says(more, query, lifetime_s):
    """Counted from the answer's own date, not from this machine's clock."""
    body = {"url": f"https://data.aliyunpds.com/x%2Fy{query}", **more}
    found = api.read_download(answered(body))
    assert found.lifetime_s == pytest.approx(lifetime_s)
    assert found.url == body["url"]


@pytest.mark.parametrize("body", [{"url": ""}, {}, {"internal_url": "http://x"}])
def test_a_link_without_its_url_is_an_error(body):
    """Others may stand beside it, which are not for us."""
    with pytest.raises(ProtocolError):
        api.read_download(answered(body))
