"""Which proxy a request goes through."""

from __future__ import annotations

import pytest

from fsmount.net.proxies import Proxies

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy_variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_option_and_variables_everything_goes_straight():
    """No proxy is the default."""
    assert Proxies("").of("https", "example.com") == ""


def test_the_option_wins_over_the_environment(monkeypatch):
    """``-o proxy=`` is for this remote, whatever NO_PROXY says."""
    monkeypatch.setenv("HTTPS_PROXY", "http://other:1")
    monkeypatch.setenv("NO_PROXY", "*")
    assert Proxies("socks5://mine:1080").of("https", "example.com") == "socks5://mine:1080"


@pytest.mark.parametrize(
    ("scheme", "host", "expected"),
    [
        ("https", "example.com", "http://secure:3128"),
        ("http", "example.com", "http://plain:3128"),
        ("https", "cdn.inside.example", ""),
        ("http", "127.0.0.1", ""),
    ],
)
def test_the_environment_chooses_by_scheme_and_host(monkeypatch, scheme, host, expected):
    """HTTP_PROXY, HTTPS_PROXY and NO_PROXY mean what they mean to curl; a scheme may be missing."""
    monkeypatch.setenv("https_proxy", "http://secure:3128")
    monkeypatch.setenv("HTTP_PROXY", "plain:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,.inside.example")
    assert Proxies("").of(scheme, host) == expected


def test_all_proxy_is_for_schemes_without_their_own(monkeypatch):
    """ALL_PROXY fills in."""
    monkeypatch.setenv("ALL_PROXY", "socks5://everything:1080")
    monkeypatch.setenv("http_proxy", "http://plain:3128")
    assert Proxies("").of("https", "example.com") == "socks5://everything:1080"
    assert Proxies("").of("http", "example.com") == "http://plain:3128"
