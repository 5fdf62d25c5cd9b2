"""Extended attributes: which are listed, which are asked for by name, and who may."""

from __future__ import annotations

import json

import pytest

from fsmount.attributes import Costly, ExtendedAttributes
from fsmount.errors import Denied, IsFolder, NoAttribute, NotSupported, Unreachable
from fsmount.vfs.identity import content_key
from tests.vfs.cloud import Cloud, FakeReader, failing, member_of, opened

OWNER, STRANGER = 1000, 1001


class Provider:
    """Answers what costs a call, and counts the calls."""

    def __init__(self):
        self.calls = 0
        self.failure = None

    async def link(self, node):
        self._called(node)
        return {"url": "https://cdn/x?sign=s", "headers": {"User-Agent": "u"}, "lifetime_s": 60}

    async def thumbnail(self, node):
        self._called(node)
        return "https://cdn/small.png"

    def _called(self, node):
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        if node.is_folder:
            raise IsFolder("a folder")


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
async def shown(provider):
    """Return attributes over a file with a digest and a folder, and their inodes."""
    cloud = Cloud()
    entry = cloud.file("你好.txt", id="f1", digest="sha1:0beec7b5")
    cloud.folder("folder", id="d1")
    reader = FakeReader()
    reader.at_hand[content_key(member_of(cloud), entry)] = 2
    async with opened(cloud, reader=reader) as filesystem:
        file = await filesystem.find("你好.txt")
        folder = await filesystem.find("folder")
        costly = Costly(link=provider.link, thumbnail=provider.thumbnail)
        yield ExtendedAttributes(filesystem, OWNER, costly), file.inode, folder.inode


async def test_what_is_known_is_listed_and_costs_nothing(shown, provider):
    """Id, name, the provider's hash under its algorithm's name, and what is cached."""
    attributes, file, _ = shown
    assert await attributes.names(file) == [
        "user.fsmount.id",
        "user.fsmount.name",
        "user.fsmount.sha1",
        "user.fsmount.cached",
    ]
    values = [await attributes.value(file, name, STRANGER) for name in await attributes.names(file)]
    assert values == ["f1", "你好.txt", "0beec7b5", "2"]
    assert provider.calls == 0


async def test_a_folder_has_no_hash_and_nothing_cached(shown):
    """Only its id and its name."""
    attributes, _, folder = shown
    assert await attributes.names(folder) == ["user.fsmount.id", "user.fsmount.name"]


@pytest.mark.parametrize("uid", [OWNER, 0])
async def test_links_are_for_the_owner_and_root(shown, uid):
    """Asked for by name; they are never listed."""
    attributes, file, _ = shown
    assert await attributes.value(file, "user.fsmount.url", uid) == "https://cdn/x?sign=s"
    headers = await attributes.value(file, "user.fsmount.url_headers", uid)
    assert json.loads(headers) == {"User-Agent": "u"}
    assert await attributes.value(file, "user.fsmount.thumbnail", uid) == "https://cdn/small.png"


@pytest.mark.parametrize("name", ["url", "url_headers", "thumbnail"])
async def test_nobody_else_gets_a_link(shown, provider, name):
    """It is an account secret; the provider is not even asked."""
    attributes, file, _ = shown
    failure = await failing(attributes.value(file, f"user.fsmount.{name}", STRANGER))
    assert isinstance(failure, Denied)
    assert str(failure) == f'"user.fsmount.{name}" is for the owner of the mount'
    assert provider.calls == 0


@pytest.mark.parametrize(
    "name", ["user.fsmount.md5", "user.fsmount.", "user.other", "security.selinux", "\udcff"]
)
async def test_an_unknown_attribute_is_no_attribute(shown, provider, name):
    """The kernel's own questions included."""
    attributes, file, _ = shown
    failure = await failing(attributes.value(file, name, OWNER))
    assert isinstance(failure, NoAttribute)
    assert str(failure) == f'there is no attribute "{name}"'
    assert provider.calls == 0


async def test_what_a_node_cannot_have_is_no_attribute(shown, provider):
    """A folder has no link; a provider without thumbnails has none of any file."""
    attributes, file, folder = shown
    failure = await failing(attributes.value(folder, "user.fsmount.url", OWNER))
    assert isinstance(failure, NoAttribute)
    provider.failure = NotSupported("it makes no thumbnails")
    failure = await failing(attributes.value(file, "user.fsmount.thumbnail", OWNER))
    assert isinstance(failure, NoAttribute)


async def test_a_provider_that_fails_is_not_taken_for_absence(shown, provider):
    """An error is an error."""
    attributes, file, _ = shown
    provider.failure = Unreachable("no way")
    assert await failing(attributes.value(file, "user.fsmount.url", OWNER)) is provider.failure
