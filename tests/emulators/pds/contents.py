"""The bytes of a file: on the disk that is served, or in memory; and what is computed of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.emulators.messages import FileSpan

if TYPE_CHECKING:
    from tests.emulators.disk import DiskContent
    from tests.emulators.messages import Segment

# Hashes are made while a listing is answered; of larger files they are left out, which a reader
# has to live with anyway (every key is optional: Aliyundrive §6.1).
_HASHED_BYTES = 64 * 1024 * 1024
_CRC_BYTES = 16 * 1024
PRE_HASH_BYTES = 1024
_POLYNOMIAL = 0xC96C5795D7870F42  # ECMA-182, reflected: what the storage calls crc64ecma
_ALL = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(slots=True, kw_only=True, eq=False)
class Content:
    """One version of a file's bytes; copies of a file share it."""

    data: DiskContent | bytes
    size: int
    revision_id: str
    _known: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, data: DiskContent | bytes) -> Content:
        """Content of these bytes."""
        size = len(data) if isinstance(data, bytes) else data.size
        told = hashlib.sha256(data if isinstance(data, bytes) else repr(data).encode())
        return cls(data=data, size=size, revision_id=told.hexdigest()[:40])

    @property
    def sha1(self) -> str | None:
        """Upper-case hex, as listings have it; None for what is too large to hash in passing."""
        return self._computed("sha1", _HASHED_BYTES)

    @property
    def crc64(self) -> str | None:
        """A decimal number; None for what is too large."""
        return self._computed("crc64", _CRC_BYTES)

    @property
    def pre_hash(self) -> str:
        """Lower-case SHA-1 of the first 1024 bytes (Aliyundrive §9.1)."""
        return hashlib.sha1(self.read(0, PRE_HASH_BYTES) or b"").hexdigest()

    def whole(self) -> Segment | None:
        """All of it, to be sent; None when it is gone from the disk."""
        if isinstance(self.data, bytes):
            return self.data
        return self.data.read()

    def read(self, start: int, stop: int) -> bytes | None:
        """Some bytes, half open; None when it is gone from the disk."""
        whole = self.whole()
        if not isinstance(whole, FileSpan):
            return whole if whole is None else whole[start:stop]
        with open(whole.path, "rb") as file:
            file.seek(start)
            return file.read(max(0, stop - start))

    def _computed(self, kind: str, limit: int) -> str | None:
        if self.size > limit:
            return None
        if kind not in self._known:
            data = self.read(0, self.size)
            if data is None:
                return None
            made = hashlib.sha1(data).hexdigest().upper() if kind == "sha1" else str(crc64(data))
            self._known[kind] = made
        return self._known[kind]


def span(whole: Segment, start: int, stop: int) -> Segment:
    """The bytes from `start` to `stop` of a whole content."""
    if isinstance(whole, FileSpan):
        return replace(whole, start=start, stop=stop)
    return whole[start:stop]


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc64(data: bytes) -> int:
    """The checksum that the storage calls crc64ecma."""
    value = _ALL
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ _ALL
