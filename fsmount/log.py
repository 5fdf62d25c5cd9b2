"""Where log records go, and what never stands in them.

Every module logs through ``logging.getLogger(__name__)``; this is the one place that decides on
handlers. Whatever is written passes ``redact``: queries of URLs, tokens, cookies and every text
given to ``keep_secret`` are blanked, in tracebacks as well.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLANK = "***"

# Syslog's numbers, as journald reads them at the start of a line (sd-daemon(3)).
_SYSLOG = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A signed link signs in its query, and some in the fragment.
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s\"'<>?#]*)[?#][^\s\"'<>]*", re.IGNORECASE), r"\1?***"),
    # user:password@ and ID:CODE@.
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/@:]*):[^\s/@]+@", re.IGNORECASE), r"\1:***@"),
    # The value may stand in quotes with spaces in it (a cookie line, JSON).
    (re.compile(r"\b((?:set-)?cookie\W{1,4})[^\r\n\"']+", re.IGNORECASE), r"\1***"),
    (re.compile(r"\b(bearer\s+)[^\s\"',]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]+){1,2}"), BLANK),
    (
        re.compile(
            r"\b((?:access_?|refresh_?|share_?|session_?)?(?:token|password|passwd|pwd|secret|sign|"
            r"signature)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&)}]+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
)

_secrets: set[str] = set()
_known: re.Pattern[str] | None = None


def keep_secret(text: str) -> None:
    """Blank ``text`` wherever it would be logged from now on; "" is ignored."""
    global _known  # one pattern over all secrets, made when one is added and not per record
    if not text or text in _secrets:
        return
    _secrets.add(text)
    # Four digits are a common share code: only blanked where they stand by themselves. Longer ones
    # first, so that a secret that contains another one goes as a whole.
    alternatives = (
        re.escape(secret) if len(secret) >= 8 else rf"(?<!\w){re.escape(secret)}(?!\w)"
        for secret in sorted(_secrets, key=len, reverse=True)
    )
    _known = re.compile("|".join(alternatives))


def redact(text: str) -> str:
    """Return ``text`` without anything that could sign a request or open a share."""
    if _known is not None:
        text = _known.sub(BLANK, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class Redacting(logging.Formatter):
    """Formats a record, then redacts the whole of it: message, arguments and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text without secrets."""
        return redact(super().format(record))


def journal_priority(level: int) -> str:
    """Return what tells journald the priority of a line, in front of it."""
    return f"<{_SYSLOG.get(level, 6)}>"


class ForJournal(Redacting):
    """Formats for journald: the priority in front of every line, no time of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, each line marked with its priority."""
        prefix = journal_priority(record.levelno)
        return "\n".join(prefix + line for line in super().format(record).splitlines())


class Repeats(logging.Filter):
    """Holds back warnings that come again and again, and says how many it held back.

    Records are equal when logger and message template are: a share that died warns about each of
    its files with one template. INFO and below pass.

    Args:
        burst: Equal records that pass per interval.
        interval_s: Seconds until the next burst may pass.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        burst: int = 5,
        interval_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._burst = burst
        self._interval_s = interval_s
        self._clock = clock
        self._lock = threading.Lock()  # records come from worker threads too
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether ``record`` passes; the first after a pause tells of those before it."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, str(record.msg))
        with self._lock:
            now = self._clock()
            since, count = self._seen.get(key, (now, 0))
            if now - since >= self._interval_s:
                held_back = max(0, count - self._burst)
                since, count = now, 0
                if held_back:
                    record.msg = f"{record.msg} ({held_back} more like this were held back)"
            self._seen[key] = (since, count + 1)
            return count < self._burst


def setup(level: str | int, to_journal: bool, *, file: IO[str] | Path | None = None) -> None:
    """Send the records of this process to standard error, the journal, or ``file``.

    Replaces what an earlier call set up. What the command line shows a person at the terminal goes
    on, for warnings, until ``leave_terminal``; it ends here when records go there anyway.

    Args:
        level: ``debug``, ``info``, ``warning``, or a number of ``logging``.
        to_journal: Standard error is the journal's: lines carry priorities, not times.
        file: Goes there instead of standard error; a path is opened for appending, mode 0600 where
            it is new.

    Raises:
        OSError: ``file`` cannot be opened.
    """
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    elif hasattr(file, "write"):
        handler = logging.StreamHandler(file)
    else:
        file.touch(mode=0o600)
        handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(
        ForJournal("%(name)s: %(message)s")
        if to_journal
        else Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    handler.addFilter(Repeats())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    # Libraries tell at DEBUG and INFO what we already count, and with whole URLs.
    root.setLevel(logging.WARNING)
    ours = logging.getLogger("fsmount")
    ours.setLevel(level.upper() if isinstance(level, str) else level)
    if file is None:
        leave_terminal()
    for shown in ours.handlers:
        shown.setLevel(max(shown.level, logging.WARNING))
    logging.captureWarnings(True)


def leave_terminal() -> None:
    """Show a person at the terminal nothing more."""
    logging.getLogger("fsmount").handlers.clear()
