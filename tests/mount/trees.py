"""Trees to be mounted: every name that is hard, every size that is odd."""

from __future__ import annotations

import os
import random
import unicodedata

GIB = 1024**3

AWFUL_NAMES = [
    "100% sure.txt",
    "%2F%20 not encoded",
    "#1 hit.mp3",
    "what?.txt",
    "this&that",
    "a+b=c",
    "semi;colon",
    "it's",
    'say "hi"',
    "back\\slash",
    " leading space",
    "trailing space ",
    ".hidden",
    "..two dots",
    "trailing dot.",
    "three...",
    "🎬 film 🍿.mkv",
    "👨‍👩‍👧‍👦 family",
    unicodedata.normalize("NFC", "Amélie é"),
    unicodedata.normalize("NFD", "Amélie é"),
    "文" * 85,
    "tab\tinside",
    "star*[x]{y}",
    "<angle>|pipe:colon",
    "~tilde $HOME `date`",
    "-rf",
    "日本語 フォルダ",
    "@at=1,comma",
    "uivG",
]


def make_awful(root, many=3000):
    """Make the tree that must come through unharmed: names, depth, numbers, emptiness.

    Every file has bytes of its own, so that no two can be mixed up.
    """
    names = root / "names"
    names.mkdir()
    for number, name in enumerate(AWFUL_NAMES):
        if len(os.fsencode(name)) < 250:
            (names / f"{name} folder").mkdir()
            (names / f"{name} folder" / name).write_text(f"below {number}\n")
        (names / name).write_text(f"{number} {name}\n")
    crowd = root / "many"
    crowd.mkdir()
    for number in range(many):
        (crowd / f"IMG_{number:05}.jpg").write_text(f"picture {number}\n")
    deep = root
    for level in range(1, 7):
        deep = deep / f"level {level}"
        deep.mkdir()
        (deep / f"at {level}.txt").write_text(f"depth {level}\n")
    (root / "empty folder").mkdir()
    (root / "empty file").touch()
    (root / "one byte").write_bytes(b"x")
    spread = random.Random(1)
    # Around the borders of cells (128 KiB) and blocks (4 MiB).
    for size in (131071, 131072, 131073, 4194303, 4194304, 4194305, 9_999_999):
        (root / f"{size}.bin").write_bytes(spread.randbytes(size))


def make_sparse(path, size=5 * GIB):
    """Make a sparse file with bytes of its own at both ends and at odd places; return those."""
    spread = random.Random(2)
    places = [0, size - 1_000_003, 4 * GIB - 500_000, *(spread.randrange(size) for _ in range(6))]
    with path.open("wb") as file:
        file.truncate(size)
        for place in places:
            file.seek(place)
            file.write(spread.randbytes(min(1_000_003, size - place)))
    return places
