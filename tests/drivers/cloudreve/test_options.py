"""What is configured names one site and one place on it, or is refused in words."""

from __future__ import annotations

import pytest

from fsmount.drivers.cloudreve.driver import SPEC
from fsmount.drivers.cloudreve.options import CloudreveOptions, Site, place
from fsmount.drivers.declared import declared
from fsmount.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://cloud.example.com", "https://cloud.example.com"),
        ("https://cloud.example.com/", "https://cloud.example.com"),
        ("cloud.example.com", "https://cloud.example.com"),
        ("cloud.example.com:8443", "https://cloud.example.com:8443"),
        ("http://Cloud.Example.com:80/home", "http://cloud.example.com"),
        ("https://cloud.example.com:443/s/AbC1/pw", "https://cloud.example.com"),
        ("https://cloud.example.com/api/v4", "https://cloud.example.com"),
        ("https://example.com/cloud/", "https://example.com/cloud"),
        ("http://[::1]:5212", "http://[::1]:5212"),
    ],
)
def test_an_address_is_read_as_people_write_it(text, address):
    """With or without scheme, usual port, a slash, a page."""
    assert Site.parse(text).address == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "ftp://cloud.example.com",
        "https://",
        "https://u:s3cret@cloud.example.com",
        "https://cloud.example.com:99999",
        "https://[::1",
    ],
)
def test_what_is_no_address_is_refused(text):
    """One line, and no password out of it."""
    with pytest.raises(UsageError) as info:
        Site.parse(text)
    assert "s3cret" not in str(info.value)


@pytest.mark.parametrize(
    ("given", "uri"),
    [
        ({}, "cloudreve://my"),
        ({"root": "/a b/c"}, "cloudreve://my/a%20b/c"),
        ({"root": "a%20b"}, "cloudreve://my/a%20b"),
        ({"root": "cloudreve://my/a"}, "cloudreve://my/a"),
        ({"share": "AbC1"}, "cloudreve://AbC1@share"),
        ({"share": "AbC1", "root": "/sub"}, "cloudreve://AbC1@share/sub"),
        ({"share": "AbC1", "share_password": "p@"}, "cloudreve://AbC1:p%40@share"),
        ({"root": "cloudreve://AbC1:old@share/sub"}, "cloudreve://AbC1:old@share/sub"),
        (
            {"root": "cloudreve://AbC1:old@share", "share_password": "new", "share": "AbC1"},
            "cloudreve://AbC1:new@share",
        ),
    ],
)
def test_options_name_one_place(given, uri):
    """Share and root add up; the password given by itself wins."""
    assert str(place(CloudreveOptions(**given))) == uri


@pytest.mark.parametrize(
    "given",
    [
        {"share": "AbC1", "root": "cloudreve://my/a"},
        {"share": "AbC1", "root": "cloudreve://Other@share"},
        {"root": "cloudreve://trash"},
        {"root": "cloudreve://shared_with_me"},
        {"root": "/a/../../b"},
        {"share": "../x"},
    ],
)
def test_options_that_contradict_are_refused(given):
    """Two different places, or one that cannot be mounted."""
    with pytest.raises(UsageError):
        place(CloudreveOptions(**given))


def test_the_place_and_the_account_hold_no_secret():
    """What names state on disk has no code in it, and does not change with one."""
    old = CloudreveOptions(address="c.example.com", share="AbC1", share_password="s3cret")
    new = CloudreveOptions(address="https://c.example.com/", share="AbC1", share_password="other")
    assert SPEC.place(old) == SPEC.place(new) == "cloudreve://AbC1@share"
    assert SPEC.account(old) == SPEC.account(new) == ("https://c.example.com", "")


def test_an_account_is_site_and_email():
    """Servers take e-mails in any case (wire §3), so do token files."""
    options = CloudreveOptions(address="https://c.example.com", email=" Me@Example.com")
    assert SPEC.account(options) == ("https://c.example.com", "me@example.com")


def test_every_secret_is_declared_one():
    """Nothing that signs in shows in listings of options; every option has its help."""
    options = declared(CloudreveOptions)
    secret = {option.name for option in options if option.sensitive}
    assert secret == {"password", "refresh_token", "access_token"}
    assert {option.name for option in options if option.code} == {"share_password"}
    assert all(option.help for option in options)


def test_a_share_is_one():
    """The declaration knows shares, and vouches for no digests."""
    assert SPEC.is_share(CloudreveOptions(share="AbC1"))
    assert not SPEC.is_share(CloudreveOptions(root="/a"))
    assert SPEC.trust_domain(CloudreveOptions()) == ""
