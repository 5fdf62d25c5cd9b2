"""A link tells its end, its connections, and the cookie that it wants."""

from __future__ import annotations

import pytest

from fsmount.drivers.p115_open.links import link, link_cookie
from tests.drivers.p115_open.scripted import NOW, answered

URL = "https://cdnfhnfile.115cdn.net/0123456789abcdef0123456789abcdef01234567/a.mkv"
COOKIE = f"{'a' * 32}={'b' * 32}; expires=x; path=/0123456789abcdef0123456789abcdef01234567/"


def made(query, **headers):
    """Return the link with this query."""
    return link(URL + query, answered({}, headers=headers), user_agent="agent/1")


def test_a_link_is_bound_to_its_agent():
    """Which goes along with every GET."""
    assert made("?f=1").headers == {"User-Agent": "agent/1"}


@pytest.mark.parametrize(
    ("query", "lifetime_s", "most"),
    [
        (f"?t={int(NOW) + 3600}&c=2&f=1", 3600, 2),
        (f"?t={int(NOW) - 5}&c=0", 0, None),
        ("?c=4", None, 4),
        ("", None, None),
        ("?t=soon&c=many", None, None),
    ],
)
def test_its_end_and_its_connections_stand_in_it(query, lifetime_s, most):
    """Counted from the answer's date; c=0 is no limit (wire: 115 §5.2)."""
    found = made(query)
    assert (found.lifetime_s, found.max_connections) == (lifetime_s, most)


def test_its_cookie_goes_along_and_ends_it_early():
    """After 900 s, mostly long before the link."""
    found = made(f"?t={int(NOW) + 9000}&f=3", **{"set-cookie": COOKIE})
    assert found.headers["Cookie"] == f"{'a' * 32}={'b' * 32}"
    assert found.lifetime_s == 900
    assert made("?f=3", **{"set-cookie": COOKIE}).lifetime_s == 900
    assert made(f"?t={int(NOW) + 60}", **{"set-cookie": COOKIE}).lifetime_s == 60


def test_the_firewalls_cookie_is_not_the_links():
    """Of several the one whose path is the object's."""
    waf = "acw_tc=123; path=/; HttpOnly; Max-Age=1800"
    assert link_cookie(answered({}, headers={"set-cookie": waf})) == ""
    both = answered({}, headers={"set-cookie": f"{waf}\n{COOKIE}"})
    assert link_cookie(both) == f"{'a' * 32}={'b' * 32}"
