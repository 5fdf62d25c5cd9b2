"""`./run demo`: a sample share on an emulated site, mounted for trying out.

Makes a tree of texts, pictures and one large file, serves it with the Cloudreve emulator, mounts
its share link as a person would, and takes everything away again on Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import json
import math
import os
import random
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from contextlib import contextmanager
from pathlib import Path

_PROJECT = Path(__file__).parents[1]
_MIB = 1024 * 1024
_END_S = 10.0

_TEXTS = {
    "README.txt": "This folder is a share link of an emulated Cloudreve site.\n",
    "你好，世界.txt": "这个目录是一个分享链接。\n任何程序都可以直接读取里面的文件。\n",
    "🎉 emoji 🎊.md": "# It works\n\nNames are any Unicode there is.\n",
    "100% #1? a&b+c;d.txt": "Names that need escaping in URLs.\n",
    "文档/笔记/第一章.txt": "天地玄黄，宇宙洪荒。\n" * 200,
    "文档/empty.txt": "",
    "code/hello.py": "print('hello')\n",
}


def make_sample(root: Path, *, large_bytes: int = 64 * _MIB) -> None:
    """Make the sample tree below `root`: texts, pictures and one file of `large_bytes`."""
    for name, text in _TEXTS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    pictures = root / "pictures"
    pictures.mkdir()
    for number in range(1, 7):
        (pictures / f"波纹 {number}.png").write_bytes(ripples(320, 240, number))
    with (root / "large.bin").open("wb") as file:
        chance = random.Random(2025)
        for _ in range(0, large_bytes, _MIB):
            file.write(chance.randbytes(_MIB))


def ripples(width: int, height: int, seed: int) -> bytes:
    """Return a PNG of coloured rings."""
    lines = bytearray()
    for y in range(height):
        lines.append(0)  # no filter
        for x in range(width):
            wave = math.sin(math.hypot(x - width / 3, y - height / 2) / (2 + seed))
            lines += bytes((int(128 + 127 * wave), 40 * seed % 256, int(128 - 127 * wave)))
    return png(width, height, bytes(lines))


def png(width: int, height: int, lines: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG over `lines`, each with its filter byte in front (default: 8-bit RGB)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def main() -> int:
    """Run the demo; gives the exit code."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    wanted = Path(sys.argv[1] if len(sys.argv) > 1 else "~/fsmount-demo").expanduser().absolute()
    made = not wanted.exists()
    wanted.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="fsmount-demo-") as folder:
            root = Path(folder, "sample")
            root.mkdir()
            make_sample(root)
            with _emulator(root) as line:
                return _mounted(line, wanted, root, ended)
    finally:
        if made:
            wanted.rmdir()


def _mounted(line: dict[str, str], wanted: Path, root: Path, ended: threading.Event) -> int:
    command = ["mount", line["source"], str(wanted)]
    print(f"$ fsmount {shlex.join(command)}", flush=True)
    code = _fsmount(*command)
    if code or ended.is_set():
        return code
    print(_to_try(wanted, line, root), flush=True)
    while not ended.wait(1.0):
        if not os.path.ismount(wanted):
            print("it was unmounted by somebody else")
            return 0
    print(f"\n$ fsmount umount {shlex.quote(str(wanted))}", flush=True)
    return _fsmount("umount", str(wanted))


def _fsmount(*words: str) -> int:
    # Its own session: Ctrl-C ends the demo, and only then, by the demo, the mount.
    command = [sys.executable, "-m", "fsmount", *words]
    return subprocess.run(command, start_new_session=True, check=False).returncode


@contextmanager
def _emulator(root: Path):
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.emulators", "cloudreve"),
            *("--root", str(root), "--until-stdin-closes"),
        ],
        cwd=_PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _to_try(mountpoint: Path, line: dict[str, str], root: Path) -> str:
    at = shlex.quote(str(mountpoint))
    fsmount = shlex.quote(str(Path(sys.executable).with_name("fsmount")))
    return f"""
The share is mounted. In another terminal:

  ls -l {at}
  cat {at}/你好，世界.txt
  md5sum {at}/large.bin
  diff -r {shlex.quote(str(root))} {at} && echo the same
  {fsmount} status
  {fsmount} ls -l {line["source"]}
  {fsmount} share info {line["source"]}

Ctrl-C unmounts it and ends the demo.
"""


if __name__ == "__main__":
    raise SystemExit(main())
