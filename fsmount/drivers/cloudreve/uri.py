"""``cloudreve://[id[:password]@]fs[/path]``: reading what people paste, writing what servers take.

A URI's path is percent-encoded segment by segment; a raw ``%`` is refused by the server, a raw
``#`` cuts the rest off and a raw ``?`` turns a listing into a recursive search (wire: Cloudreve V4
§5, server of 2025-06-21). So everything that is sent is encoded here, and everything that comes
from people is read whether it is encoded or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from fsmount.errors import UsageError

if TYPE_CHECKING:
    from typing import Self

SCHEME = "cloudreve://"

_BLANK = "***"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PASSWORD = re.compile(r"(cloudreve://[^/:@\s\"']*:)[^/\s\"']*(@\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUri:
    """One place on a Cloudreve site, decoded.

    Attributes:
        fs: ``my``, ``share``, ``trash`` or ``shared_with_me``.
        id: The share's id; for ``my`` a user's id or "".
        password: The share's password; "" without one.
        path: Names from the root down.
    """

    fs: str
    id: str = ""
    password: str = field(default="", repr=False)
    path: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI as a person or a server writes it.

        Raises:
            UsageError: It is none, or its path climbs out with ``..``.
        """
        if text[: len(SCHEME)].lower() != SCHEME:
            raise UsageError(f'"{blanked(text)}" does not begin with {SCHEME}')
        authority, _, path = text[len(SCHEME) :].partition("/")
        userinfo, at, fs = authority.rpartition("@")
        ident, _, password = userinfo.partition(":")
        fs = fs.lower()
        if fs == "share" and not (at and ident):
            raise UsageError(
                f'"{blanked(text)}" names no share', advice="write cloudreve://ID@share"
            )
        if fs not in ("my", "share", "trash", "shared_with_me"):
            raise UsageError(
                f'"{blanked(text)}" is neither in cloudreve://my nor in a share',
                advice="write cloudreve://my/FOLDER or cloudreve://ID[:PASSWORD]@share/FOLDER",
            )
        return cls(fs=fs, id=decoded(ident), password=decoded(password), path=split_path(path))

    def __str__(self) -> str:
        """Write it as servers take it; holds the password."""
        return self._written(quote(self.password, safe=""))

    @property
    def shown(self) -> str:
        """Write it with the password blanked."""
        return self._written(_BLANK if self.password else "")

    @property
    def encoded_path(self) -> str:
        """The path alone, encoded, with a leading slash."""
        return "/" + "/".join(quote(name, safe="") for name in self.path)

    @property
    def is_root(self) -> bool:
        """True for the root of its file system, which a server lists but does not describe."""
        return not self.path

    def without_password(self) -> FileUri:
        """Return the same place without its password."""
        return replace(self, password="")

    def _written(self, password: str) -> str:
        userinfo = quote(self.id, safe="")
        if password:
            userinfo += f":{password}"
        path = self.encoded_path if self.path else ""
        return f"{SCHEME}{userinfo}{'@' if userinfo else ''}{self.fs}{path}"


def decoded(text: str) -> str:
    """Return ``text`` percent-decoded, unless it cannot have been encoded.

    One ``%`` that begins no escape, or bytes that are no UTF-8, prove that nobody encoded it: then
    it is meant literally, valid escapes in it included.
    """
    if "%" not in text or _BAD_ESCAPE.search(text):
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text


def split_path(text: str) -> tuple[str, ...]:
    """Return the names of a path that may or may not be encoded, judged as a whole.

    Empty names and ``.`` are dropped, as servers do.

    Raises:
        UsageError: It contains ``..``, which servers follow upward even when it is encoded.
    """
    parts = text.split("/")
    literal = any(decoded(part) == part for part in parts if "%" in part)
    names = [part if literal else decoded(part) for part in parts]
    if ".." in names:
        raise UsageError(f'the path "{text}" climbs with ".."', advice="write it without")
    return tuple(name for name in names if name not in ("", "."))


def blanked(text: str) -> str:
    """Return ``text`` with the password of every Cloudreve URI in it blanked."""
    return _PASSWORD.sub(rf"\1{_BLANK}\2", text)
