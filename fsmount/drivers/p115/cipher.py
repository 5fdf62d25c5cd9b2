"""The envelope of 115's link calls ("m115"): RSA around an XOR, with the server's public key.

Pure; written from the description in wire: 115 §11.1. Nobody but the service has the private half
of its key, so the modulus is an argument: an emulator brings its own.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from itertools import cycle

from fsmount.errors import ProtocolError, UsageError

REAL_MODULUS = int(
    "8686980c0f5a24c4b9d43020cd2c22703ff3f450756529058b1cf88f09b8602136477198a6e2683149659bd122c33592"
    "fdb5ad47944ad1ea4d36c6b172aad6338c3bb6ac6227502d010993ac967d1aef00f0c8e038de2e4d3bc2ec368af2e9f1"
    "0a6f1eda4f7262f136420c07c331b871bf139f74f3010e3c4fe57df3afb71683",
    16,
)
EXPONENT = 65537
KEY_BYTES = 16

_BLOCK_BYTES = 128
_PLAIN_BYTES = _BLOCK_BYTES - 11  # PKCS#1 v1.5 takes eleven of a block
_PADDING = 0x02  # any byte but zero
_SHORT, _LONG = 4, 12
_CLIENT_KEY = bytes.fromhex("7806ad4c33865d184c013f46")
_TABLE = bytes.fromhex(
    "f0e569aebfdcbf8a1a45e8be7da673b8de8fe7c445da86c49b648b146ab4f1aa3801359e26692c86006b4fa5363462a6"
    "2a966818f24afdbd6b978f4d8f8913b76c8e93ed0e0d483ed72f88d8fefe7e8650954fd1eb832634db667b9c7e9d7a81"
    "32eab633de3aa95934663baaba816048b9d5819cf86c8477ff5478265fbee81e369f34805c452c9b76d51b8fccc3b8f5"
)


def derive(seed: bytes, length: int) -> bytes:
    """Return the key of ``length`` (4 or 12) bytes that 16 bytes of ``seed`` stand for."""
    return bytes(
        ((seed[i] + _TABLE[length * i]) & 0xFF) ^ _TABLE[length * (length - 1 - i)]
        for i in range(length)
    )


def mix(data: bytes, key: bytes) -> bytes:
    """Return ``data`` under ``key``, which begins anew after the first ``len(data) % 4`` bytes."""
    head = len(data) % 4
    return bytes(a ^ b for a, b in zip(data[:head], key, strict=False)) + bytes(
        a ^ b for a, b in zip(data[head:], cycle(key), strict=False)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class M115:
    """Encodes what is asked and decodes what is answered.

    Attributes:
        modulus: Of the server's public key, 1024 bits.
    """

    modulus: int = REAL_MODULUS

    @classmethod
    def parse(cls, text: str) -> M115:
        """Read the option ``rsa_modulus``; "" is the real one.

        Raises:
            UsageError: It is not a modulus of 1024 bits in hex.
        """
        if not text:
            return cls()
        try:
            modulus = int(text, 16)
        except ValueError:
            modulus = 0
        if modulus < 0 or modulus.bit_length() != 8 * _BLOCK_BYTES:
            raise UsageError(
                "rsa_modulus is not a number of 1024 bits in hex",
                advice="leave it out to ask the real 115",
            )
        return cls(modulus=modulus)

    def encode(self, plain: bytes, key: bytes) -> str:
        """Return ``plain`` as the form field ``data``.

        Args:
            plain: A JSON object.
            key: 16 bytes of the caller's choice; the answer is decoded with them.
        """
        message = key + mix(mix(plain, derive(key, _SHORT))[::-1], _CLIENT_KEY)
        blocks = (
            self._encrypted(message[start : start + _PLAIN_BYTES])
            for start in range(0, len(message), _PLAIN_BYTES)
        )
        return base64.b64encode(b"".join(blocks)).decode()

    def decode(self, text: str, key: bytes) -> bytes:
        """Return what an answer's ``data`` says.

        Raises:
            ProtocolError: It was not made for the call whose ``key`` this is.
        """
        try:
            cipher = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise ProtocolError("an encrypted answer of 115 is not base64") from exc
        if not cipher or len(cipher) % _BLOCK_BYTES:
            raise ProtocolError("an encrypted answer of 115 is not whole")
        message = b"".join(
            self._decrypted(cipher[start : start + _BLOCK_BYTES])
            for start in range(0, len(cipher), _BLOCK_BYTES)
        )
        if len(message) < KEY_BYTES:
            raise ProtocolError("an encrypted answer of 115 is too short")
        seed, rest = message[:KEY_BYTES], message[KEY_BYTES:]
        return mix(mix(rest, derive(seed, _LONG))[::-1], derive(key, _SHORT))

    def _encrypted(self, plain: bytes) -> bytes:
        padding = bytes([_PADDING]) * (_BLOCK_BYTES - 3 - len(plain))
        block = b"\0\2" + padding + b"\0" + plain
        return pow(int.from_bytes(block, "big"), EXPONENT, self.modulus).to_bytes(
            _BLOCK_BYTES, "big"
        )

    def _decrypted(self, cipher: bytes) -> bytes:
        block = pow(int.from_bytes(cipher, "big"), EXPONENT, self.modulus).to_bytes(
            _BLOCK_BYTES, "big"
        )
        # The block begins with a zero of its own; the first one after it ends the padding.
        end = block.find(b"\0", 1)
        return b"" if end < 0 else block[end + 1 :]
