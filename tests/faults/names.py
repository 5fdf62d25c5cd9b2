"""A name server that can fall silent, and the way to have this process and its children ask it."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
from contextlib import contextmanager
from pathlib import Path

NAME = "cloud.fsmount.test"
_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_HEADER = struct.Struct("!6H")
_A = 1


class NameServer:
    """Answers every question for an address with 127.0.0.1, unless it is ``silent``."""

    def __init__(self, listening):
        self.silent = False
        self._socket = listening

    def run(self):
        """Answer until the socket is closed."""
        while True:
            try:
                question, sender = self._socket.recvfrom(512)
            except OSError:
                return
            if not self.silent:
                self._socket.sendto(answered(question), sender)


def answered(question):
    """Return the answer to a question: one A record, or none of any other type."""
    number, *_ = _HEADER.unpack_from(question)
    end = question.index(b"\0", _HEADER.size) + 5
    asked = question[_HEADER.size : end]
    wanted = struct.unpack_from("!H", asked, len(asked) - 4)[0]
    record = b""
    if wanted == _A:
        record = struct.pack("!HHHIH4B", 0xC00C, _A, 1, 0, 4, 127, 0, 0, 1)
    header = _HEADER.pack(number, 0x8180, 1, int(bool(record)), 0, 0)
    return header + asked + record


@contextmanager
def name_server(place):
    """Have names looked up at a server of ours, for the rest of this process's life.

    The process moves to mounts of its own, where ``/etc/resolv.conf`` is another; nobody else on
    the machine notices. Needs root, and must be called while there is one thread.

    Args:
        place: A directory for the file that takes the place of ``/etc/resolv.conf``.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # Any loopback address: several may run beside each other.
    pid = os.getpid()
    listening.bind((f"127.53.{pid >> 8 & 255}.{pid & 255}", 53))
    resolv = Path(place) / "resolv.conf"
    resolv.write_text(f"nameserver {listening.getsockname()[0]}\n")
    _checked(libc.unshare(_CLONE_NEWNS))
    _checked(libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))
    target = os.path.realpath("/etc/resolv.conf").encode()
    _checked(libc.mount(bytes(resolv), target, None, _MS_BIND, None))
    server = NameServer(listening)
    threading.Thread(target=server.run, daemon=True).start()
    try:
        yield server
    finally:
        listening.close()


def _checked(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
