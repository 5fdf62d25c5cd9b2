"""What is mounted is what a person pointed at: an id, or the address bar."""

from __future__ import annotations

import pytest

from fsmount.drivers.aliyundrive.hosts import Hosts
from fsmount.drivers.aliyundrive.options import place
from fsmount.errors import UsageError

ID = "63411d89fe631e9745bd4cf4830d5e2a5ee25805"


@pytest.mark.parametrize(
    ("root", "drive", "wanted"),
    [
        ("", "default", "default/root"),
        ("root", "resource", "resource/root"),
        (ID, "default", f"default/{ID}"),
        ("https://www.alipan.com/drive/file/resource", "default", "resource/root"),
        (f"https://www.alipan.com/drive/file/backup/{ID}", "default", f"backup/{ID}"),
        (f"https://www.aliyundrive.com/drive/folder/{ID}", "default", f"default/{ID}"),
        (f"www.alipan.com/drive/file/all/backup/{ID}?x=1", "backup", f"backup/{ID}"),
        (f" {ID} ", "resource", f"resource/{ID}"),
    ],
)
def test_a_root_names_a_folder_of_a_drive(root, drive, wanted):
    """The URL tells the drive where the option does not."""
    assert str(place(root, drive)) == wanted


@pytest.mark.parametrize(
    ("root", "drive"),
    [
        ("https://example.com/drive/file/backup", "default"),
        ("https://www.alipan.com/s/JuRzzkQVF1z", "default"),
        (f"https://www.alipan.com/drive/file/backup/{ID}", "resource"),
        ("/photos/2022", "default"),
        ("https://[::1/x", "default"),
    ],
)
def test_what_names_none_is_refused_in_words(root, drive):
    """A share, another site, a path, a contradiction."""
    with pytest.raises(UsageError):
        place(root, drive)


def test_hosts_is_a_template():
    """Every host of the provider goes where it says."""
    hosts = Hosts.parse("http://127.0.0.1:8000/{host}/")
    assert hosts.url("api.alipan.com", "/v2/x") == "http://127.0.0.1:8000/api.alipan.com/v2/x"
    assert hosts.is_at("api.alipan.com", "http://127.0.0.1:8000/api.alipan.com/v2/x")
    assert not hosts.is_at("api.alipan.com", "http://127.0.0.1:8000/auth.alipan.com/v2/x")
    with pytest.raises(UsageError):
        Hosts.parse("https://api.alipan.com")


def test_hashes_are_vouched_for_on_the_providers_own_hosts_only():
    """Another host could plant bytes under the hash of a file of yours."""
    default, other = Hosts.parse("https://{host}"), Hosts.parse("https://x.example/{host}")
    assert default.trust_domain == "aliyundrive"
    assert other.trust_domain not in ("", default.trust_domain)
