"""Looks for the suite's secrets in whatever the suite writes; ``conftest`` hooks it in.

After each test its captured output and log, and what programs that it ran have said (``heard``),
are searched for every secret that any emulator has noted so far (``emulators.secrets``). A test
whose purpose it is to show one (``fsmount link`` to a person) is marked ``shows_secret``.
"""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from urllib.parse import unquote

from tests.emulators import secrets

# The end of a secret finds it: JSON web tokens all begin alike. Parts of it need not be whole.
_TAIL = 12
_WORD = re.compile(r"\w+")
# Letters alone may be a word of any sentence, digits alone any number.
_CODE = re.compile(r"(?=.*[A-Za-z])(?=.*\d)\w+")
_FORMATTER = logging.Formatter()


class Finder:
    """Finds any of many secrets in a text, at a cost that does not depend on how many they are."""

    def __init__(self):
        self._by_tail = {}
        self._codes = set()

    def add(self, secret):
        """Look for ``secret`` from now on; a short one where it is a word and can be no other."""
        if len(secret) >= _TAIL:
            self._by_tail.setdefault(secret[-_TAIL:], set()).add(secret)
        elif _CODE.fullmatch(secret):
            self._codes.add(secret)

    def find(self, text):
        """Return the secrets that stand in ``text``, as they are or percent-encoded."""
        return self._found(text) | (self._found(unquote(text)) if "%" in text else set())

    def _found(self, text):
        found = self._codes & set(_WORD.findall(text)) if self._codes else set()
        for start in range(len(text) - _TAIL + 1):
            tail = text[start : start + _TAIL]
            if tail in self._by_tail:
                before = text[: start + _TAIL]
                found |= {secret for secret in self._by_tail[tail] if before.endswith(secret)}
        return found


class Sweep:
    """What this process has heard and not yet searched, and the secrets that it knows.

    Args:
        file: Where emulators note secrets; it need not exist yet.
    """

    def __init__(self, file):
        self._file = file
        self._read = 0
        self._finder = Finder()
        self._heard = []

    def hear(self, where, text):
        """Keep what was written ``where``, to be searched when the test is over."""
        if text:
            self._heard.append((where, text))

    def forget(self):
        """Drop what was heard."""
        self._heard.clear()

    def complaints(self):
        """Search what was heard, and drop it; return a line for each secret, not the secret."""
        heard, self._heard = self._heard, []
        if not heard:
            return []
        self._learn()
        return [
            f"{where} holds a secret: {shortened(secret)}"
            for where, text in heard
            for secret in sorted(self._finder.find(text))
        ]

    def _learn(self):
        try:
            with self._file.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except FileNotFoundError:
            return
        whole, newline, _ = new.rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for line in whole.splitlines():
            self._finder.add(json.loads(line))


def shortened(secret):
    """Return enough of a secret to know it by."""
    return f"{secret[:2]}…{secret[-2:]} ({len(secret)} characters)"


_of_this_process = None


def begin(directory):
    """Let emulators of this process and of all that it starts note secrets below ``directory``."""
    global _of_this_process
    file = Path(os.environ.setdefault(secrets.FILE, str(Path(directory) / "secrets")))
    _of_this_process = Sweep(file)


def heard(where, text):
    """Keep what a program wrote until the running test is over."""
    if _of_this_process is not None:
        _of_this_process.hear(where, text)


def judge(item, report):
    """Fail a test that is over and has let a secret out."""
    if report.when != "teardown" or _of_this_process is None:
        return
    if item.get_closest_marker("shows_secret"):
        _of_this_process.forget()
        return
    for where, text in report.sections:
        heard(where, text)
    complaints = _of_this_process.complaints()
    if complaints and report.passed:
        report.outcome = "failed"
        report.longrepr = "\n".join(complaints)


class Records(logging.Handler):
    """Hears every record of ours that the running test's log level lets through."""

    def emit(self, record):
        heard(f"the log of {record.name}", _FORMATTER.format(record))
