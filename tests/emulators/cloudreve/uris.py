"""File URIs: `cloudreve://[id[:password]@]fs[/path]`, as forgiving as the server reads them.

Source: wire Cloudreve V4 §5 (server of 2025-06-21).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote

from tests.emulators.cloudreve.envelope import Refused, invalid

_SCHEME = "cloudreve://"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# What the server leaves alone in a path is what JavaScript's encodeURIComponent leaves alone:
# a recorded listing has `quote'one.txt` bare and `semi%3Bcolon%2Ccomma.txt` encoded.
_UNRESERVED = "-_.!~*'()"


def encoded(name: str) -> str:
    """One name as a path segment."""
    return quote(name, safe=_UNRESERVED, errors="surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUri:
    """A parsed URI: which file system, whose, and the names on the way down."""

    fs: str
    id: str = ""
    password: str = ""
    names: tuple[str, ...] = ()
    search: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The URI without a path."""
        user = quote(self.id, safe="")
        if self.password:
            user += ":" + quote(self.password, safe="")
        return f"{_SCHEME}{user}@{self.fs}" if user else f"{_SCHEME}{self.fs}"

    def path_of(self, *names: str) -> str:
        """The URI of these names below the same file system."""
        return "/".join((self.base, *map(encoded, names)))

    def __str__(self) -> str:
        return self.path_of(*self.names)


def parse(text: str) -> FileUri:
    """Read a URI the way the server does; raises Refused 40001 or -1.

    A raw `#` cuts the rest off, a raw `?` starts a search, a raw `%` is refused; `..` climbs and
    is no more dangerous encoded than plain.
    """
    if not text:
        raise invalid("Uri cannot be empty")
    text = text.partition("#")[0]
    text, _, query = text.partition("?")
    if not text.startswith(_SCHEME) or _BAD_ESCAPE.search(text):
        raise Refused(40001, "unknown uri")
    authority, _, path = text.removeprefix(_SCHEME).partition("/")
    user, at, fs = authority.rpartition("@")
    name, _, password = user.partition(":") if at else ("", "", "")
    if fs not in ("my", "share", "trash", "shared_with_me"):
        raise Refused(-1)
    cleaned = posixpath.normpath("/" + unquote(path, errors="surrogateescape")).lstrip("/")
    return FileUri(
        fs=fs,
        id=unquote(name),
        password=unquote(password),
        names=tuple(cleaned.split("/")) if cleaned else (),
        search=dict(parse_qsl(query, keep_blank_values=True)),
    )
