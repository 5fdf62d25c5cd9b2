"""A link lives as long as its URL says, and a file without one is told in words."""

from __future__ import annotations

import pytest

from fsmount.drivers.aliyundrive.links import CONNECTIONS, lifetime_s, read_link
from fsmount.errors import Changed, Denied, ProtocolError
from tests.drivers.aliyundrive.scripted import FILE, NOW, SHA1, answered

AFTER_4H = "2026-11-22T15:21:04.000Z"


def url(**query):
    """Return a signed URL."""
    return "https://cn-beijing-data.aliyundrive.net/a%2Fb?" + "&".join(
        f"{name.replace('_', '-')}={value}" for name, value in query.items()
    )


@pytest.mark.parametrize(
    ("address", "expiration", "seconds"),
    [
        (url(x_oss_expires=int(NOW) + 900), AFTER_4H, 900),
        (url(x_oss_expires=int(NOW) + 90000), AFTER_4H, 14400),
        (url(Expires=int(NOW) + 60), None, 60),
        (url(x_oss_expires=900), AFTER_4H, 14400),
        (url(), AFTER_4H, 14400),
        (url(), None, None),
        (url(), "nonsense", None),
        (url(x_oss_expires=int(NOW) - 5), None, 0),
    ],
)
def test_the_earliest_end_counts(address, expiration, seconds):
    """Fifteen minutes, although four hours were asked and promised."""
    assert lifetime_s(address, expiration, NOW) == seconds


def test_a_link_carries_what_web_tokens_want():
    """The Referer goes with each GET; the number of connections is that of the option."""
    answer = answered({"url": url(x_oss_expires=int(NOW) + 900), "size": 5})
    link = read_link(answer, FILE, max_connections=None)
    assert link.headers == {"Referer": "https://www.aliyundrive.com/"}
    assert (link.lifetime_s, link.max_connections) == (900, CONNECTIONS)
    assert read_link(answer, FILE, max_connections=1).max_connections == 1
    assert "%2F" in link.url


@pytest.mark.parametrize(
    "body",
    [
        {"url": None, "expiration": None, "method": None, "size": None},
        {"url": ""},
        {"url": "https://pds-system-file.oss-cn-beijing.aliyuncs.com/illegal_frozen.mp4"},
        {"url": url(), "punish_flag": 2},
        {"url": url(), "punish_flag": 103},
    ],
)
def test_a_blocked_file_is_denied_and_never_read(body):
    """A notice file's bytes are not the file's."""
    with pytest.raises(Denied, match=r"a\.bin"):
        read_link(answered(body), FILE, max_connections=None)


def test_a_file_that_was_overwritten_is_changed():
    """Its bytes would go on where cached ones of the listed version end."""
    other = SHA1.replace("5", "6").upper()
    answer = answered({"url": url(), "content_hash": other, "content_hash_name": "sha1"})
    with pytest.raises(Changed):
        read_link(answer, FILE, max_connections=None)


@pytest.mark.parametrize("body", [{}, {"url": "ftp://x"}, [], b"<html>"])
def test_an_answer_without_a_link_is_a_protocol_error(body):
    """Not a file without a link."""
    with pytest.raises(ProtocolError):
        read_link(answered(body), FILE, max_connections=None)
