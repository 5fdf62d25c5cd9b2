"""What people write after ``-o``: everything mount(8) and fstab know, and our own on top.

Only the mount's own options are understood here. All others (``address=``, ``driver=``, ``auth=``)
are handed on as text to whoever knows the driver; ``source`` refuses the unknown ones by name.
"""

from __future__ import annotations

import pwd
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fsmount.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class MountOptions:
    """The understood options of one mount.

    Attributes:
        allow_other: Let other users in.
        allow_root: Let root in, nobody else.
        default_permissions: The kernel checks mode bits and owner.
        max_read: Bytes in one kernel read; None takes the kernel's own.
        uid: Owner shown; None is the mounter.
        gid: Group shown; None is the mounter's.
        umask: Mode bits taken from files and folders; None takes 0444/0555.
        fmask: The same for files only.
        dmask: The same for folders only.
        writable_asked: ``rw`` was the last word: worth one warning while mounts are read-only.
        nofail: Mount even when nothing can be listed yet.
        kernel_flags: Handed to the kernel; always has ``ro``, ``nosuid``, ``nodev``.
        xattr: Answer extended attributes.
        memory_bytes: Budget of all blocks in memory.
        cache_bytes: Budget of the disk cache; 0 switches it off.
        config: Configuration file to read, for lines in fstab; "" searches.
        log_level: How much is logged.
        metrics_port: Loopback port on which Prometheus may ask; None opens none.
        ignored: Accepted because people write them, without effect.
        remote: Everything else, for the driver to know.
    """

    allow_other: bool = False
    allow_root: bool = False
    default_permissions: bool = True
    max_read: int | None = None
    uid: int | None = None
    gid: int | None = None
    umask: int | None = None
    fmask: int | None = None
    dmask: int | None = None
    writable_asked: bool = False
    nofail: bool = False
    kernel_flags: tuple[str, ...] = ("ro", "nosuid", "nodev")
    xattr: bool = False
    memory_bytes: int = 256 * MIB
    cache_bytes: int = 10 * GIB
    config: str = ""
    log_level: str = "info"
    metrics_port: int | None = None
    ignored: tuple[str, ...] = ()
    remote: Mapping[str, str] = field(default_factory=dict)


def size(text: str) -> int:
    """Return bytes of ``256M``, ``10G``, ``1.5GiB`` or a plain number.

    K, M, G and T are powers of 1024.

    Raises:
        ValueError: It is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError("a size such as 256M or 10G")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def _memory(text: str) -> int:
    # Below this not even two windows of blocks fit, and reading would crawl.
    if (wanted := size(text)) < 32 * MIB:
        raise ValueError("a size of at least 32M")
    return wanted


def _mask(text: str) -> int:
    if not re.fullmatch(r"0*[0-7]{1,3}", text):
        raise ValueError("octal digits such as 022")
    return int(text, 8)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError("a number")
    return int(text)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError("a port from 1 to 65535")
    return int(text)


def _user(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise ValueError("a user's number or name") from None


def _level(text: str) -> str:
    if text not in ("debug", "info", "warning"):
        raise ValueError("debug, info or warning")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One mount option of ours: how it is written, what it does, where it goes.

    Attributes:
        name: As written before ``=``.
        value: Placeholder for what follows ``=``; "" for a flag.
        help: For people; the README's table is made of it.
        field: Of ``MountOptions``.
        parse: Makes the field's value; its ValueError says what was wanted.
        set_to: What a flag sets the field to.
    """

    name: str
    help: str
    field: str
    value: str = ""
    parse: Callable[[str], object] = str
    set_to: object = True


DECLARED: tuple[Declared, ...] = (
    Declared(
        name="allow_other",
        help="other users may enter (needs user_allow_other in /etc/fuse.conf unless root)",
        field="allow_other",
    ),
    Declared(name="allow_root", help="root may enter, no other user", field="allow_root"),
    Declared(
        name="default_permissions",
        help="the kernel checks mode bits (the default)",
        field="default_permissions",
    ),
    Declared(
        name="uid",
        value="USER",
        help="owner of everything, number or name (default: who mounts)",
        field="uid",
        parse=_user,
    ),
    Declared(
        name="gid",
        value="N",
        help="group of everything (default: that of who mounts)",
        field="gid",
        parse=_number,
    ),
    Declared(
        name="umask",
        value="OCTAL",
        help="mode bits taken from 0666 (files) and 0777 (folders); without it 0444 and 0555",
        field="umask",
        parse=_mask,
    ),
    Declared(name="fmask", value="OCTAL", help="umask for files only", field="fmask", parse=_mask),
    Declared(
        name="dmask", value="OCTAL", help="umask for folders only", field="dmask", parse=_mask
    ),
    Declared(
        name="max_read",
        value="BYTES",
        help="largest read that the kernel sends",
        field="max_read",
        parse=_number,
    ),
    Declared(
        name="nofail",
        help="mount even when the remote cannot be listed yet; it answers errors until it can",
        field="nofail",
    ),
    Declared(
        name="xattr",
        help="answer extended attributes user.fsmount.* (makes ls -l slower)",
        field="xattr",
    ),
    Declared(
        name="memory",
        value="SIZE",
        help="memory for blocks of all open files (default 256M)",
        field="memory_bytes",
        parse=_memory,
    ),
    Declared(
        name="cache",
        value="SIZE",
        help="disk space for blocks (default 10G; 0 keeps none)",
        field="cache_bytes",
        parse=size,
    ),
    Declared(name="nocache", help="the same as cache=0", field="cache_bytes", set_to=0),
    Declared(
        name="config", value="FILE", help="configuration file, for lines in fstab", field="config"
    ),
    Declared(
        name="log",
        value="LEVEL",
        help="debug, info or warning (default info)",
        field="log_level",
        parse=_level,
    ),
    Declared(
        name="metrics",
        value="PORT",
        help="loopback port on which Prometheus may ask for /metrics (default none)",
        field="metrics_port",
        parse=_port,
    ),
    Declared(name="debug", help="the same as log=debug", field="log_level", set_to="debug"),
)
"""Our own options, and the standard ones that have an effect."""

_BY_NAME = {declared.name: declared for declared in DECLARED}

# Handed on to the kernel: what switches each flag on, and what switches it off again. The mount is
# read-only, so those about access times and syncing change nothing and are only accepted.
_KERNEL_FLAGS = {"noexec": ("noexec", True), "exec": ("noexec", False)}

_WITHOUT_EFFECT = """
    defaults auto noauto nouser users nousers noowner nogroup _netdev nosuid nodev suid dev
    sync async dirsync atime noatime diratime nodiratime relatime norelatime strictatime
    nostrictatime lazytime nolazytime iversion noiversion mand nomand silent loud auto_unmount
    nonempty symfollow nosymfollow
"""
_WITHOUT_EFFECT_MAYBE_VALUED = """
    comment context fscontext defcontext rootcontext fsname subtype owner group user
"""
_IGNORED = frozenset(_WITHOUT_EFFECT.split())
_IGNORED_WITH_VALUE = frozenset(_WITHOUT_EFFECT_MAYBE_VALUED.split())
_IGNORED_PREFIXES = ("x-", "X-")

_SECRETS = ("password", "access_token", "refresh_token", "cookie")

STANDARD: frozenset[str] = (
    frozenset(_BY_NAME) | frozenset(_KERNEL_FLAGS) | _IGNORED | _IGNORED_WITH_VALUE | {"ro", "rw"}
)
"""Every name that is understood here; ``source`` looks among them for the nearest known one."""


def parse_options(texts: Sequence[str]) -> MountOptions:
    r"""Return what the values of all ``-o`` mean together; of two that differ the last wins.

    Options are parted by commas. ``\,`` is a comma and ``\\`` a backslash within a value, and
    commas between double quotes do not part (mount(8) writes contexts that way).

    Raises:
        UsageError: A value that cannot be understood, one that is missing or too many, or a secret,
            which would stand in ``ps`` and in fstab.
    """
    values: dict[str, Any] = {}
    flags = {"ro": True, "nosuid": True, "nodev": True}
    ignored: list[str] = []
    remote: dict[str, str] = {}
    for name, value in _parted(texts):
        if name in _SECRETS:
            raise UsageError(
                f"-o {name}=… is refused: everyone could read it in ps and /etc/fstab",
                advice=f'use {name}_file=FILE, or "fsmount login REMOTE"; '
                "the code of a share belongs into its link",
            )
        if name in ("ro", "rw"):
            _without_value(name, value)
            values["writable_asked"] = name == "rw"
        elif name in _KERNEL_FLAGS:
            _without_value(name, value)
            flag, on = _KERNEL_FLAGS[name]
            flags[flag] = on
        elif name in _BY_NAME:
            declared = _BY_NAME[name]
            values[declared.field] = _value(declared, value)
        elif name in _IGNORED_WITH_VALUE or name.startswith(_IGNORED_PREFIXES):
            ignored.append(name)
        elif name in _IGNORED:
            _without_value(name, value)
            ignored.append(name)
        elif name == "remount":
            raise UsageError(
                "a mount of fsmount cannot be remounted", advice="umount it and mount it again"
            )
        else:
            remote[name] = "true" if value is None else value
    return MountOptions(
        **values,
        kernel_flags=tuple(flag for flag, on in flags.items() if on),
        ignored=tuple(ignored),
        remote=remote,
    )


def _parted(texts: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    for text in texts:
        for item in _split(text):
            name, equals, value = item.partition("=")
            if name.strip():
                yield name.strip(), value if equals else None


def _split(text: str) -> Iterator[str]:
    item, quoted, escaped = "", False, False
    for character in text:
        if escaped:
            # A backslash before anything else stands for itself.
            item += character if character in ",\\" else "\\" + character
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"' and (quoted or item.endswith("=")):
            quoted = not quoted
        elif character == "," and not quoted:
            yield item
            item = ""
        else:
            item += character
    yield item + ("\\" if escaped else "")


def _without_value(name: str, value: str | None) -> None:
    if value is not None:
        raise UsageError(f"-o {name} takes no value", advice=f'write "{name}" alone')


def _value(declared: Declared, value: str | None) -> object:
    if not declared.value:
        _without_value(declared.name, value)
        return declared.set_to
    if not value:
        raise UsageError(
            f"-o {declared.name} wants a value", advice=f"write {declared.name}={declared.value}"
        )
    try:
        return declared.parse(value)
    except ValueError as exc:
        raise UsageError(
            f'-o {declared.name}={value} is not understood: "{value}" is not {exc}'
        ) from exc
