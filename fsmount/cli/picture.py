"""Draws a PNG in a terminal: two pixels per character, as half blocks in 24-bit colour.

A captcha of a few hundred pixels is all that is ever drawn, so the decoder knows what such pictures
are made of (8 bits a channel or a palette, not interlaced) and says so about everything else.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Colour type to channels (PNG specification, third edition, §11.2.1): grey, RGB, palette,
# grey + alpha, RGBA.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# No captcha is larger; a decompression bomb is.
_MOST_PIXELS = 1_000_000

Pixel = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Pixels, row by row from the top; transparency is put on white."""

    width: int
    height: int
    rows: list[list[Pixel]]


def decode_png(data: bytes) -> Picture:
    """Return the picture in ``data``.

    Raises:
        ValueError: It is not a PNG, is damaged, or is of a kind that is not drawn.
    """
    if not data.startswith(_SIGNATURE):
        raise ValueError("not a PNG")
    try:
        return _decoded(_chunks(data))
    except (struct.error, zlib.error, KeyError, IndexError) as exc:
        raise ValueError("a damaged PNG") from exc


def _chunks(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    position = len(_SIGNATURE)
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        content = data[position + 8 : position + 8 + length]
        # IDAT may come in parts; of the others the first counts.
        found[kind] = found.get(kind, b"") + content if kind == b"IDAT" else content
        position += length + 12
    return found


def _decoded(chunks: dict[bytes, bytes]) -> Picture:
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if not 0 < width * height <= _MOST_PIXELS:
        raise ValueError("a PNG of no sensible size")
    if interlaced or (depth != 8 and colour != 3) or depth > 8:
        raise ValueError("an unusual kind of PNG")
    channels = _CHANNELS[colour]
    stride = (width * channels * depth + 7) // 8
    raw = zlib.decompressobj().decompress(chunks[b"IDAT"], (stride + 1) * height)
    palette = chunks.get(b"PLTE", b"")
    opacity = chunks.get(b"tRNS", b"")
    rows = []
    previous = bytes(stride)
    for line in range(height):
        start = line * (stride + 1)
        previous = _unfiltered(raw[start], raw[start + 1 : start + 1 + stride], previous, channels)
        samples = _samples(previous, depth, width * channels)
        rows.append([_pixel(samples, x, colour, palette, opacity) for x in range(width)])
    return Picture(width=width, height=height, rows=rows)


def _unfiltered(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    """Undo the filter of one line (PNG specification §9.2); ``step`` is bytes per pixel."""
    done = bytearray(len(above))
    for index in range(len(above)):
        left = done[index - step] if index >= step else 0
        up = above[index]
        corner = above[index - step] if index >= step else 0
        match kind:
            case 0:
                predicted = 0
            case 1:
                predicted = left
            case 2:
                predicted = up
            case 3:
                predicted = (left + up) // 2
            case 4:
                predicted = _paeth(left, up, corner)
            case _:
                raise ValueError("a damaged PNG")
        done[index] = (line[index] + predicted) & 0xFF
    return bytes(done)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda near: abs(guess - near))


def _samples(line: bytes, depth: int, count: int) -> bytes:
    if depth == 8:
        return line
    per_byte, mask = 8 // depth, (1 << depth) - 1
    return bytes(
        line[index // per_byte] >> (8 - depth * (index % per_byte + 1)) & mask
        for index in range(count)
    )


def _pixel(samples: bytes, x: int, colour: int, palette: bytes, opacity: bytes) -> Pixel:
    alpha = 255
    match colour:
        case 3:
            index = samples[x]
            red, green, blue = palette[index * 3 : index * 3 + 3]
            alpha = opacity[index] if index < len(opacity) else 255
        case 0 | 4:
            start = x * _CHANNELS[colour]
            red = green = blue = samples[start]
            alpha = samples[start + 1] if colour == 4 else 255
        case _:
            start = x * _CHANNELS[colour]
            red, green, blue = samples[start : start + 3]
            alpha = samples[start + 3] if colour == 6 else 255
    red, green, blue = (255 - (255 - part) * alpha // 255 for part in (red, green, blue))
    return red, green, blue


def half_blocks(picture: Picture, columns: int) -> str:
    """Return ``picture`` as lines of upper half blocks, at most ``columns`` wide."""
    step = max(1, -(-picture.width // columns))
    xs = range(0, picture.width, step)
    ys = range(0, picture.height, step)
    lines = []
    for top in range(0, len(ys), 2):
        upper = picture.rows[ys[top]]
        lower = picture.rows[ys[top + 1]] if top + 1 < len(ys) else None
        cells = []
        for x in xs:
            low = lower[x] if lower else (255, 255, 255)
            cells.append("\x1b[38;2;{};{};{};48;2;{};{};{}m▀".format(*upper[x], *low))
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)
