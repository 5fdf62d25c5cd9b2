"""Whose word counts for what bytes are: trust domains, versions, first times."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from fsmount.vfs.identity import content_key, version_of, with_first_mtime
from tests.vfs.cloud import Cloud, member_of

CLOUD = Cloud()
FILE = CLOUD.file("a", id="f", digest="sha1:aa")
MINE = member_of(CLOUD, domain="site")


def test_within_a_trust_domain_a_digest_names_the_bytes():
    """Wherever the provider has them: in your drive, in a share."""
    share = replace(MINE, identity="share:2")
    assert content_key(MINE, FILE) == content_key(share, FILE)
    other = msgspec.structs.replace(FILE, id="other", name="b", version="v9")
    assert content_key(MINE, FILE) == content_key(share, other)


def test_a_hostile_share_plants_nothing_under_your_hash():
    """Another host is another domain; one that nobody vouches for counts for itself only."""
    hostile = replace(MINE, domain="evil.example", identity="share:evil")
    unknown = replace(MINE, domain="", identity="share:unknown")
    keys = {content_key(member, FILE) for member in (MINE, hostile, unknown)}
    assert len(keys) == 3


def test_size_is_part_of_the_key():
    """A digest that is told with another size is no digest of these bytes."""
    longer = msgspec.structs.replace(FILE, size=4)
    assert content_key(MINE, FILE) != content_key(MINE, longer)


def test_without_a_digest_remote_id_and_version_name_the_bytes():
    """Not the name, not the time; a version or a size that moves does."""
    bare = msgspec.structs.replace(FILE, digest="")
    renamed = msgspec.structs.replace(bare, name="b", mtime_ns=5)
    newer = msgspec.structs.replace(bare, version="v2")
    longer = msgspec.structs.replace(bare, size=4)
    assert content_key(MINE, bare) == content_key(MINE, renamed)
    assert len({content_key(MINE, entry) for entry in (bare, newer, longer)}) == 3
    assert content_key(MINE, bare) != content_key(replace(MINE, identity="other"), bare)


def test_a_file_without_a_version_has_its_time_for_one():
    """So its time must not be kept."""
    bare = msgspec.structs.replace(FILE, version="")
    later = msgspec.structs.replace(bare, mtime_ns=5_000)
    assert version_of(bare) != version_of(later)
    assert with_first_mtime(bare, later) == later
    moved = msgspec.structs.replace(FILE, mtime_ns=5_000)
    assert with_first_mtime(FILE, moved) == FILE
