"""The service's side of the cipher ec115: requests and answers of calls that carry `k_ec`.

Source: wire 115 §11.3. The server's key is a test key; the one fixed pair that p115cipher ships is
served as it is, since that needs no private half.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SERVER = ec.derive_private_key(0xABCDEF0115, ec.SECP224R1())
# The point that a client has to take for the service's: x and y.
PUBLIC = _SERVER.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
_SALT = b"^j>WD3Kr?J2gLFjD4W2y@"
_FIXED_PUBLIC = bytes.fromhex("1d030e80a178dceececda377de128d8ed9ddcf55ae61ed46ea121a1cfc81")
_FIXED_KEY = bytes.fromhex("fb1a19d652f5aaf7bc651d0f69bf422f")
_FIXED_IV = bytes.fromhex("69bf422f49960550a0ad44ec3446cb4c")
_TOKEN, _HALF, _BLOCK = 48, 24, 16
_MOST_IN_CHUNK = 8192
_MASK = 0x5A


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What one client shares with the service."""

    key: bytes
    iv: bytes

    def open(self, body: bytes) -> bytes:
        """Read a request's body; whatever it was padded with is gone."""
        if len(body) % _BLOCK:
            raise ValueError("not whole blocks")
        decryptor = Cipher(algorithms.AES(self.key), modes.CBC(self.iv)).decryptor()
        plain = decryptor.update(body) + decryptor.finalize()
        # Clients pad with zeros, as PKCS#7 does, or as it does unless nothing is missing.
        if plain and 0 < plain[-1] <= _BLOCK and plain.endswith(plain[-1:] * plain[-1]):
            plain = plain[: -plain[-1]]
        return plain.rstrip(b"\0")

    def seal(self, plain: bytes) -> bytes:
        """Write an answer's body: LZ4 blocks of nothing but literals, and the tail."""
        packed = b""
        for start in range(0, len(plain), _MOST_IN_CHUNK):
            block = _literals(plain[start : start + _MOST_IN_CHUNK])
            packed += struct.pack("<H", len(block)) + block
        packed += bytes(-len(packed) % _BLOCK)
        encryptor = Cipher(algorithms.AES(self.key), modes.CBC(self.iv)).encryptor()
        size = bytes(byte ^ _MASK for byte in struct.pack("<I", len(plain)))
        tail = size + bytes(3) + bytes([_MASK]) + bytes(4)
        return encryptor.update(packed) + encryptor.finalize() + tail


def channel_of(token: str) -> Channel:
    """What is shared with the client that sent this `k_ec`; raises ValueError for a bad one."""
    try:
        data = base64.b64decode(token, validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc
    if len(data) != _TOKEN:
        raise ValueError("not a token")
    (told,) = struct.unpack("<I", data[-4:])
    if binascii.crc32(_SALT + data[:-4]) != told:
        raise ValueError("wrong sum")
    # Each half is masked with a byte that stands in it, where a zero was.
    first = bytes(byte ^ data[15] for byte in data[:_HALF])
    second = bytes(byte ^ data[_HALF + 15] for byte in data[_HALF:-4])
    public = first[:15] + second[:15]
    if public == _FIXED_PUBLIC:
        return Channel(key=_FIXED_KEY, iv=_FIXED_IV)
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP224R1(), public[1:])
    secret = _SERVER.exchange(ec.ECDH(), point)
    return Channel(key=secret[:_BLOCK], iv=secret[-_BLOCK:])


def _literals(data: bytes) -> bytes:
    if len(data) < 15:
        return bytes([len(data) << 4]) + data
    full, rest = divmod(len(data) - 15, 255)
    return b"\xf0" + b"\xff" * full + bytes([rest]) + data
