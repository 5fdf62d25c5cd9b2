"""Roots as people copy them, and hosts as tests need them."""

from __future__ import annotations

import pytest

from fsmount.drivers.p115_open.driver import SPEC
from fsmount.drivers.p115_open.options import Hosts, P115OpenOptions, root_cid
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
        ("https://115.com/storage/#cid=42", "42"),
        ("https://115.com/?cid=0&offset=0&tab=&mode=wangpan", "0"),
    ],
)
def test_a_root_is_a_cid_or_what_the_address_bar_shows(text, cid):
    """A number of any length stays exact."""
    assert root_cid(text) == cid
    assert SPEC.open(P115OpenOptions(root=text), None).root.id == cid


@pytest.mark.parametrize("text", ["films", "/films", "https://115.com/", "https://x/?scid=1", "-1"])
def test_anything_else_is_no_root(text):
    """It says where to find one."""
    with pytest.raises(UsageError, match="names no folder") as info:
        root_cid(text)
    assert "cid=NUMBER" in info.value.advice


def test_every_host_is_made_from_one_template():
    """As emulators and mirrors need it."""
    hosts = Hosts.parse("http://127.0.0.1:8080/{host}/")
    assert hosts.api("/open/x") == "http://127.0.0.1:8080/proapi.115.com/open/x"
    assert hosts.auth("/open/y") == "http://127.0.0.1:8080/passportapi.115.com/open/y"
    assert Hosts.parse("https://{host}").api("/z") == "https://proapi.115.com/z"


@pytest.mark.parametrize("template", ["", "https://proxy.example", "{host}", "ftp://{host}"])
def test_a_template_without_its_place_is_refused(template):
    """Every host would be one."""
    with pytest.raises(UsageError, match="hosts ="):
        Hosts.parse(template)


def test_digests_of_other_hosts_vouch_for_nothing_of_115():
    """A mirror of anybody's must not plant bytes under the hash of a file of yours."""
    assert SPEC.trust_domain(P115OpenOptions()) == "115"
    other = SPEC.trust_domain(P115OpenOptions(hosts="http://127.0.0.1/{host}"))
    assert other not in ("", "115")


def test_secrets_are_not_shown():
    """By the options' own repr."""
    shown = repr(P115OpenOptions(client_id="100", refresh_token="hunter2", access_token="hunter3"))
    assert "hunter" not in shown
    assert "100" in shown
