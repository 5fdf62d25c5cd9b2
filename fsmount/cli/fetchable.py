"""Links that a provider can be asked to fetch by itself: found in words and files, and checked.

A link may hold a password or a token, so that nothing here, nor what is made of it, repeats more of
one than its host and the name of the file.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from fsmount.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STDIN = "-"

_WEB = ("http", "https", "ftp")
# 40 hex digits, or the same 20 bytes in base32; version 2 torrents have 32 bytes of SHA-256.
_TORRENT = re.compile(
    r"urn:btih:(?:[0-9a-f]{40}|[a-z2-7]{32})|urn:btmh:1220[0-9a-f]{64}", re.IGNORECASE
)
_ED2K = re.compile(r"ed2k://\|file\|([^|]+)\|\d+\|[0-9a-f]{32}\|\S*", re.IGNORECASE)
_LONGEST = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What stands where a link is expected.

    Attributes:
        text: As written, without space around it.
        place: Where, for messages: ``links.txt line 3``; "" for a word of the command line.
    """

    text: str
    place: str = ""


def gathered(words: Iterable[str], sources: Iterable[str]) -> Iterator[Written]:
    """Yield everything that should be a link: ``words``, then the lines of ``sources``.

    Empty lines and those that begin with ``#`` are passed over. ``-`` is standard input.

    Raises:
        UsageError: A file cannot be read.
    """
    files = list(sources)
    for word in words:
        if word == STDIN:
            files.append(word)
        else:
            yield Written(text=word.strip())
    for name in files:
        for number, line in enumerate(_lines(name), 1):
            text = line.strip()
            if text and not text.startswith("#"):
                where = "standard input" if name == STDIN else name
                yield Written(text=text, place=f"{where} line {number}")


def _lines(name: str) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        return data.decode("utf-8-sig").splitlines()
    except OSError as exc:
        raise UsageError(f'cannot read "{name}": {exc.strerror}') from exc
    except UnicodeDecodeError:
        raise UsageError(f'cannot read "{name}": it is not UTF-8 text') from None


def fault(text: str) -> str:
    """Return why ``text`` is no link that can be fetched; "" when it is one.

    Magnet links, ed2k links of files, and http, https and ftp are.
    """
    scheme = text.partition(":")[0].lower() if ":" in text else ""
    if len(text) > _LONGEST:
        return "it is too long"
    # Names in ed2k links are often written as they are.
    if not text.isprintable() or (" " in text and scheme != "ed2k"):
        return "there is a space or a control character in it"
    if scheme in _WEB:
        return _web_fault(text)
    if scheme == "magnet":
        topics = [value for name, value in _magnet(text) if re.fullmatch(r"xt(\.\d+)?", name)]
        if any(_TORRENT.fullmatch(topic) for topic in topics):
            return ""
        return "a magnet link needs xt=urn:btih: and a hash of 40 or 32 characters"
    if scheme == "ed2k":
        return "" if _ED2K.fullmatch(text) else "an ed2k link is ed2k://|file|NAME|SIZE|HASH|/"
    if re.fullmatch(r"[0-9a-fA-F]{40}", text):
        return "a hash alone is no link, write magnet:?xt=urn:btih: before it"
    return "it is none of http, https, ftp, magnet and ed2k"


def _web_fault(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "its host is not understood"
    if not text[len(parts.scheme) :].startswith("://") or not host:
        return "it has no host"
    return ""


def _magnet(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text.partition("?")[2])


def shown(text: str) -> str:
    """Return a link as it may be shown: its host and the file's name, never what could sign."""
    scheme = text.partition(":")[0].lower()
    if scheme in _WEB:
        parts = urlsplit(text)
        *above, name = unquote(parts.path).rstrip("/").split("/")
        host = parts.netloc.rpartition("@")[2]
        way = "/…" if any(above) else ""
        return _cut(f"{scheme}://{host}{way}/{name}{'?…' if parts.query else ''}")
    if scheme == "magnet":
        named = dict(_magnet(text))
        return _cut(named.get("dn") or f"magnet:?xt={named.get('xt', '…')}")
    if (found := _ED2K.fullmatch(text)) is not None:
        return _cut(unquote(found[1]))
    # No link at all: it may be anything, a password pasted by mistake included.
    return f"{text[:3]}…" if len(text) > 12 else "…"


def _cut(text: str) -> str:
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= 100 else f"{text[:99]}…"
