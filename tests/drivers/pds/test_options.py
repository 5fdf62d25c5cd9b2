"""Which domain and which place the options of a remote name."""

from __future__ import annotations

import pytest

from fsmount.drivers.pds.driver import SPEC
from fsmount.drivers.pds.options import Domain, PdsOptions, place
from fsmount.errors import UsageError


@pytest.mark.parametrize(
    ("options", "endpoint", "auth", "ident", "trust"),
    [
        (
            {"domain": "bj29"},
            "https://bj29.api.aliyunpds.com",
            "https://bj29.api.aliyunpds.com",
            "bj29",
            "pds:bj29",
        ),
        (
            {"endpoint": "bj29.api.aliyunfile.com/v2/"},
            "https://bj29.api.aliyunfile.com",
            "https://bj29.api.aliyunfile.com",
            "bj29",
            "pds:bj29",
        ),
        (
            {"domain": "BJ29", "auth_endpoint": "https://bj29.auth.aliyunpds.com/"},
            "https://bj29.api.aliyunpds.com",
            "https://bj29.auth.aliyunpds.com",
            "bj29",
            "pds:bj29",
        ),
        # Whoever is behind another host must not vouch for the domain's digests.
        (
            {"domain": "bj29", "endpoint": "http://127.0.0.1:8000"},
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8000",
            "bj29",
            "pds:http://127.0.0.1:8000",
        ),
        (
            {"endpoint": "https://drive.example.com:443"},
            "https://drive.example.com",
            "https://drive.example.com",
            "",
            "pds:https://drive.example.com",
        ),
    ],
)
def test_a_domain_is_found_by_its_id_or_its_address(options, endpoint, auth, ident, trust):
    """The vendor's host names hold the id; any other host vouches for itself alone."""
    given = PdsOptions(**options)
    domain = Domain.of(given)
    assert (domain.endpoint, domain.auth, domain.id) == (endpoint, auth, ident)
    assert SPEC.trust_domain(given) == trust


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "neither the PDS domain nor its endpoint is given; say domain=ID"),
        ({"domain": "https://bj29"}, '"https://bj29" is not the id of a PDS domain'),
        ({"endpoint": "ftp://x"}, "endpoint is not an address"),
        ({"endpoint": "https://me:pw@x"}, "endpoint is not an address"),
        ({"endpoint": "https://x:port"}, "endpoint is not an address"),
        ({"domain": "bj29", "auth_endpoint": "ftp://x"}, "auth_endpoint is not an address"),
    ],
)
def test_what_names_no_domain_is_refused(options, words):
    """In words, and without what may be a password."""
    with pytest.raises(UsageError, match=words) as info:
        Domain.of(PdsOptions(**options))
    assert "pw" not in str(info.value)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({}, "drive/default/root"),
        ({"drive_id": "101", "root": "6407"}, "drive/101/6407"),
        ({"share": "sAvciMEXKRz"}, "share/sAvciMEXKRz/root"),
        ({"share": "sAvciMEXKRz", "root": "6407", "share_password": "x"}, "share/sAvciMEXKRz/6407"),
    ],
)
def test_a_place_is_a_share_or_a_drive_and_a_folder(options, where):
    """Never a code."""
    assert place(PdsOptions(**options)) == where


@pytest.mark.parametrize(
    "options", [{"share": "a/b"}, {"root": "../x"}, {"share": "s", "drive_id": "1"}]
)
def test_what_contradicts_itself_is_refused(options):
    """Rather than one of the two being taken."""
    with pytest.raises(UsageError):
        place(PdsOptions(**options))


def test_links_are_given_away_where_the_domain_is_known():
    """On the vendor's newer hosts under the newer name; of an unknown domain not at all."""
    assert Domain.of(PdsOptions(domain="bj29")).share_url("S") == (
        "https://bj29.apps.aliyunpds.com/disk/s/S"
    )
    newer = PdsOptions(endpoint="https://hz22.api.aliyunfile.com")
    assert Domain.of(newer).share_url("S") == "https://hz22.apps.aliyunfile.com/disk/s/S"
    assert Domain.of(PdsOptions(endpoint="https://drive.example.com")).share_url("S") == ""
