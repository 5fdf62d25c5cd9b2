"""What a pasted link turned out to be is remembered, without its code."""

from __future__ import annotations

import pytest

from fsmount.errors import StoreFault
from fsmount.store.detections import Detections

SOURCE = "https://cloud.example.com/s/AbC1/geheim 提取码: abcd"


def test_an_answer_survives_a_restart(tmp_path):
    """A boot without network knows the driver."""
    Detections(tmp_path / "state" / "detections.json").put(SOURCE, "cloudreve")
    assert Detections(tmp_path / "state" / "detections.json").get(SOURCE) == "cloudreve"


def test_an_unknown_source_is_none(tmp_path):
    """Without a file, and with one."""
    detections = Detections(tmp_path / "detections.json")
    assert detections.get(SOURCE) is None
    detections.put("another", "cloudreve")
    assert detections.get(SOURCE) is None


def test_no_source_stands_in_the_file(tmp_path):
    """Extraction codes are not kept in clear, and the file is 0600."""
    path = tmp_path / "detections.json"
    Detections(path).put(SOURCE, "cloudreve")
    text = path.read_text()
    assert "geheim" not in text
    assert "abcd" not in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_several_writers_lose_nothing(tmp_path):
    """Each merges into what is there; a later answer replaces an earlier one."""
    path = tmp_path / "detections.json"
    first, second = Detections(path), Detections(path)
    first.put("a", "cloudreve")
    second.put("b", "p115")
    first.put("c", "pds")
    first.put("b", "cloudreve")
    assert [Detections(path).get(text) for text in "abc"] == ["cloudreve", "cloudreve", "pds"]


@pytest.mark.logs("cannot be used")
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"a": 1}', b'{"\xff": "a"}'])
def test_a_damaged_file_counts_as_empty(tmp_path, data):
    """The site can be asked again."""
    path = tmp_path / "detections.json"
    path.write_bytes(data)
    detections = Detections(path)
    assert detections.get(SOURCE) is None
    detections.put(SOURCE, "cloudreve")
    assert detections.get(SOURCE) == "cloudreve"


def test_a_state_that_cannot_be_written_is_said(tmp_path):
    """Whoever asked decides whether it matters."""
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreFault, match="cannot write"):
        Detections(tmp_path / "state" / "detections.json").put(SOURCE, "cloudreve")
