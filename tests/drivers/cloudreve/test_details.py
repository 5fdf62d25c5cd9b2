"""What is told about drives, folders and pictures is read, in whatever types it comes."""

from __future__ import annotations

import pytest

from fsmount.drivers.cloudreve import details
from fsmount.errors import ProtocolError
from fsmount.model import FolderSize
from tests.drivers.cloudreve.scripted import data, file_object, recorded


def test_capacity_is_read_in_any_type():
    """Bytes, from numbers or text."""
    assert details.read_capacity(recorded("user_capacity")) == (1099511627776, 314795208)
    assert details.read_capacity(data({"total": "10", "used": 3.0})) == (10, 3)
    with pytest.raises(ProtocolError, match="capacity"):
        details.read_capacity(data({"total": None, "used": 3}))


def test_a_summary_that_was_cut_short_says_so():
    """The group's walk limit was reached: it is at least this much (wire §7)."""
    summary = {"size": "12", "files": 3.0, "folders": None, "completed": False}
    told = data(file_object("docs", folder=True, folder_summary=summary))
    assert details.read_summary(told) == FolderSize(size=12, files=3, complete=False)


@pytest.mark.parametrize("summary", [None, {}, {"size": None}, {"size": ""}, {"size": "many"}])
def test_a_summary_without_a_size_is_unknown(summary):
    """Not 0 bytes."""
    assert details.read_summary(data({"folder_summary": summary})) is None


def test_a_thumbnail_without_a_link_is_an_error():
    """It would be asked for nothing."""
    with pytest.raises(ProtocolError, match="url"):
        details.read_thumbnail(data({"expires": "2026-11-22T12:21:10Z"}))
