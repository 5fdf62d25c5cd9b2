"""Roots as people copy them, and what options tell of a remote."""

from __future__ import annotations

import pytest

from fsmount.drivers.p115_open.driver import SPEC
from fsmount.drivers.p115_open.options import P115OpenOptions
from fsmount.errors import UsageError


@pytest.mark.parametrize(
    ("text", "cid"),
    [
        ("", "0"),
        ("0", "0"),
        (" 2958423170 ", "2958423170"),
        ("9223372036854775807", "9223372036854775807"),
        ("https://115.com/?cid=2958423170&offset=0&mode=wangpan", "2958423170"),
        ("https://115.com/?offset=0&cid=2958423170", "2958423170"),
        ("https://115.com/#/?cid=42", "42"),
        ("https://115.com/?cid=0&offset=0&tab=&mode=wangpan", "0"),
    ],
)
def test_a_root_is_a_cid_or_what_the_address_bar_shows(text, cid):
    """A number of any length stays exact."""
    assert SPEC.place(P115OpenOptions(root=text)) == cid
    assert SPEC.open(P115OpenOptions(root=text), None).root.id == cid


@pytest.mark.parametrize("text", ["films", "/films", "https://115.com/", "https://x/?scid=1", "-1"])
def test_anything_else_is_no_root(text):
    """It says where to find one."""
    with pytest.raises(UsageError, match="names no folder") as info:
        SPEC.place(P115OpenOptions(root=text))
    assert "cid=" in info.value.advice


def test_digests_of_other_hosts_vouch_for_nothing_of_115():
    """A mirror of anybody's must not plant bytes under the hash of a file of yours."""
    assert SPEC.trust_domain(P115OpenOptions()) == "115"
    assert SPEC.trust_domain(P115OpenOptions(hosts="http://127.0.0.1/{host}")) == ""


def test_secrets_are_not_shown():
    """By the options' own repr."""
    shown = repr(P115OpenOptions(client_id="100", refresh_token="hunter2", access_token="hunter3"))
    assert "hunter" not in shown
    assert "100" in shown
