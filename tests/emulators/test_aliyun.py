"""What the Aliyundrive emulator does that its real clients do not check: own drives."""

from __future__ import annotations

import pytest

from tests.emulators.aliyun_asker import Asker, text_of

REFERER = "https://www.aliyundrive.com/"
AUTH = "auth.aliyundrive.com"


@pytest.fixture
def root(tmp_path):
    """Two folders, three files, one of them in both."""
    folder = tmp_path / "served"
    (folder / "目录" / "深").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"0123456789")
    (folder / "空.bin").write_bytes(b"")
    (folder / "目录" / "图.png").write_bytes(b"picture")
    return folder


class Owner(Asker):
    """The owner, signed in, on a device with a session."""

    def __init__(self, root, *options, kind="web"):
        super().__init__("aliyundrive", root, *options)
        self.refresh_token = self.site.refresh_token(kind)
        self.sign_in()

    def sign_in(self):
        """Refresh, and make a device session."""
        body = {"refresh_token": self.refresh_token, "grant_type": "refresh_token"}
        told = self.ok("/v2/account/token", body, AUTH)
        self.refresh_token = told["refresh_token"]
        self.headers = {
            "authorization": f"Bearer {told['access_token']}",
            "x-device-id": "a device",
            "x-signature": "0" * 130,
        }
        self.ok("/users/v1/users/device/create_session", {"pubKey": "04"})
        return told

    def page(self, parent="root", **wish):
        """One page of a listing."""
        body = {"drive_id": "1001", "parent_file_id": parent} | wish
        return self.ok("/adrive/v3/file/list", body)

    def ids(self, parent="root", **wish):
        """Names to ids of one page."""
        return {item["name"]: item["file_id"] for item in self.page(parent, **wish)["items"]}

    def link(self, file_id, **wish):
        """The answer for a link."""
        body = {"drive_id": "1001", "file_id": file_id} | wish
        return self.ok("/v2/file/get_download_url", body)


@pytest.fixture
def owner(root):
    """The owner of a drive over the root."""
    return Owner(root)


def test_a_listing_shows_what_the_directory_has(owner, root):
    """Names, sizes, ids and times are of the types that the service sends."""
    items = {item["name"]: item for item in owner.page()["items"]}
    assert items.keys() == {"a.txt", "空.bin", "目录"}
    assert items["a.txt"]["size"] == 10
    assert items["a.txt"]["content_hash"] == "87ACEC17CD9DCD20A716CC2CF67417B71C8A7016"
    assert isinstance(items["a.txt"]["crc64_hash"], str)
    assert items["目录"]["type"] == "folder"
    assert "size" not in items["目录"]
    assert len(items["目录"]["file_id"]) == 40
    (root / "new.txt").write_bytes(b"new")
    assert "new.txt" in owner.ids()


def test_a_link_leads_to_the_content(owner):
    """A link of a web token works with the Referer and not without."""
    link = owner.link(owner.ids()["a.txt"])
    assert link["size"] == 10
    assert owner.fetch(link["url"]).status == 400
    assert text_of(owner.fetch(link["url"], referer=REFERER)) == b"0123456789"


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=8-10", 200, b"0123456789"),
        ("bytes=10-", 200, b"0123456789"),
        ("bytes=-11", 200, b"0123456789"),
    ],
)
def test_a_range_that_leaves_the_object_is_ignored(owner, asked, status, content):
    """The storage answers 200 and everything instead of 416 or what there is."""
    url = owner.link(owner.ids()["a.txt"])["url"]
    answer = owner.fetch(url, referer=REFERER, range=asked)
    assert (answer.status, text_of(answer)) == (status, content)


def test_a_refresh_token_works_once(owner):
    """Each refresh gives another token, and the one before is dead."""
    first = owner.refresh_token
    owner.sign_in()
    body = {"refresh_token": first, "grant_type": "refresh_token"}
    assert owner.code("/v2/account/token", body, AUTH) == (400, "InvalidParameter.RefreshToken")
