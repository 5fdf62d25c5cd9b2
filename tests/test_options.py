"""What people write after -o."""

from __future__ import annotations

import os
import pwd

import pytest

from fsmount.errors import UsageError
from fsmount.options import GIB, MIB, MountOptions, parse_options, size


def test_no_options_are_the_defaults():
    """Read-only, nosuid, nodev, 256 MiB of memory, 10 GiB of disk."""
    assert parse_options([]) == MountOptions()
    assert parse_options([""]).kernel_flags == ("ro", "nosuid", "nodev")
    assert parse_options([]).memory_bytes == 256 * MIB
    assert parse_options([]).cache_bytes == 10 * GIB


PEOPLE_WRITE = """
    ro defaults auto noauto user users owner group _netdev comment=a.b x-systemd.automount
    X-mount.mkdir=0755 x-gvfs-show nosuid nodev suid dev exec sync async atime noatime relatime
    norelatime lazytime context=system_u:object_r:tmp_t:s0 auto_unmount user=ann fsname=x
    subtype=fsmount default_permissions
"""


@pytest.mark.parametrize("word", PEOPLE_WRITE.split())
def test_what_mount_and_fstab_write_is_accepted(word):
    """A standard option without effect changes nothing and is not handed to the driver."""
    options = parse_options([word])
    assert options.remote == {}
    assert options.kernel_flags == ("ro", "nosuid", "nodev")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("allow_other", "allow_other", True),
        ("allow_root", "allow_root", True),
        ("nofail", "nofail", True),
        ("xattr", "xattr", True),
        ("uid=1000", "uid", 1000),
        ("gid=0", "gid", 0),
        ("umask=022", "umask", 0o022),
        ("fmask=0133", "fmask", 0o133),
        ("dmask=7", "dmask", 7),
        ("max_read=131072", "max_read", 131072),
        ("memory=64M", "memory_bytes", 64 * MIB),
        ("cache=1.5G", "cache_bytes", 3 * GIB // 2),
        ("cache=0", "cache_bytes", 0),
        ("nocache", "cache_bytes", 0),
        ("config=/etc/my.toml", "config", "/etc/my.toml"),
        ("log=warning", "log_level", "warning"),
        ("debug", "log_level", "debug"),
        ("noexec", "kernel_flags", ("ro", "nosuid", "nodev", "noexec")),
        ("rw", "writable_asked", True),
    ],
)
def test_each_option_sets_its_field(text, field, value):
    """Sizes take K, M, G, T; masks are octal; uid takes a number."""
    assert getattr(parse_options([text]), field) == value


def test_a_user_may_be_named():
    """uid= takes the name of a user of this machine as well."""
    name = pwd.getpwuid(os.getuid()).pw_name
    assert parse_options([f"uid={name}"]).uid == os.getuid()


@pytest.mark.parametrize(
    ("texts", "field", "value"),
    [
        (["ro,rw"], "writable_asked", True),
        (["rw", "ro"], "writable_asked", False),
        (["uid=1,uid=2"], "uid", 2),
        (["noexec,exec"], "kernel_flags", ("ro", "nosuid", "nodev")),
        (["nocache", "cache=1G"], "cache_bytes", GIB),
        (["address=a,address=b"], "remote", {"address": "b"}),
    ],
)
def test_the_last_of_two_wins(texts, field, value):
    """Within one -o and across several."""
    assert getattr(parse_options(texts), field) == value


def test_mounts_stay_read_only_and_harmless_whatever_is_asked():
    """rw, suid and dev are accepted, the kernel still gets ro, nosuid, nodev."""
    assert parse_options(["rw,suid,dev"]).kernel_flags == ("ro", "nosuid", "nodev")


def test_everything_else_is_left_to_the_driver():
    """Values are text; a word without a value is "true"; spaces around are dropped."""
    options = parse_options(["address=https://h/x?a=b, insecure", "auth=ref:me"])
    assert options.remote == {"address": "https://h/x?a=b", "insecure": "true", "auth": "ref:me"}


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        (r"a=b\,c,d=e", {"a": "b,c", "d": "e"}),
        (r"a=b\\,d=e", {"a": "b\\", "d": "e"}),
        (r"a=b\c", {"a": r"b\c"}),
        ("a=b\\", {"a": "b\\"}),
        ('a="b,c",d=e', {"a": "b,c", "d": "e"}),
        ('a=b"c,d=e', {"a": 'b"c', "d": "e"}),
        (",,a=b,", {"a": "b"}),
        ("a=", {"a": ""}),
    ],
)
def test_commas_inside_a_value_are_escaped_or_quoted(text, remote):
    """As mount(8) and libfuse write them."""
    assert parse_options([text]).remote == remote


def test_a_context_with_commas_is_one_option():
    """SELinux contexts carry a comma between quotes."""
    options = parse_options(['context="system_u:object_r:tmp_t:s0:c127,c456",noexec'])
    assert options.ignored == ("context",)
    assert "noexec" in options.kernel_flags


@pytest.mark.parametrize("name", ["password", "access_token", "refresh_token", "cookie"])
def test_a_secret_is_refused_and_not_repeated(name):
    """What stands in argv stands in ps; the message says what to do and keeps the secret."""
    with pytest.raises(UsageError) as caught:
        parse_options([f"ro,{name}=hunter2"])
    assert str(caught.value) == (
        f"-o {name}=… is refused: everyone could read it in ps and /etc/fstab; "
        f'use {name}_file=FILE, or "fsmount login REMOTE"; '
        "the code of a share belongs into its link"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uid=nobody-here", '"nobody-here" is not a user\'s number or name'),
        ("gid=staff", '"staff" is not a number'),
        ("umask=9", '"9" is not octal digits such as 022'),
        ("umask=07777", '"07777" is not octal digits such as 022'),
        ("memory=lots", '"lots" is not a size such as 256M or 10G'),
        ("memory=1M", '"1M" is not a size of at least 32M'),
        ("cache=-1", '"-1" is not a size such as 256M or 10G'),
        ("log=loud", '"loud" is not debug, info or warning'),
        ("uid", "-o uid wants a value; write uid=USER"),
        ("memory=", "-o memory wants a value; write memory=SIZE"),
        ("allow_other=1", '-o allow_other takes no value; write "allow_other" alone'),
        ("ro=1", '-o ro takes no value; write "ro" alone'),
        ("noexec=1", '-o noexec takes no value; write "noexec" alone'),
        ("_netdev=1", '-o _netdev takes no value; write "_netdev" alone'),
        ("remount,rw", "a mount of fsmount cannot be remounted; umount it and mount it again"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(text, message):
    """One line that says which option, what stood there and what was wanted."""
    with pytest.raises(UsageError) as caught:
        parse_options([text])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("0", 0),
        ("512", 512),
        ("1k", 1024),
        ("1KiB", 1024),
        ("256M", 256 * MIB),
        ("10GB", 10 * GIB),
        ("2T", 2048 * GIB),
    ],
)
def test_sizes_are_powers_of_1024(text, bytes_):
    """With or without iB, upper or lower case."""
    assert size(text) == bytes_
