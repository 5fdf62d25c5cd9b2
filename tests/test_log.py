"""Logs go where they should, say things once, and never say a secret."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from fsmount import log


@pytest.fixture(autouse=True)
def as_before():
    """Leave logging as it was, and forget the secrets of a test."""
    root, ours = logging.getLogger(), logging.getLogger("fsmount")
    handlers, level, our_level = root.handlers[:], root.level, ours.level
    our_handlers = ours.handlers[:]
    ours.handlers[:] = []
    # pytest's own handlers must not be closed by ``setup``.
    root.handlers[:] = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    ours.handlers[:] = our_handlers
    root.setLevel(level)
    ours.setLevel(our_level)
    logging.captureWarnings(False)
    log._secrets.clear()
    log._known = None


REDACTED = [
    ("GET https://s3.example/f.mkv?X-Sign=abc&e=1 200", "GET https://s3.example/f.mkv?*** 200"),
    ("see https://x/y#token=abc.", "see https://x/y?***"),
    ("'https://x/y?sign=a' and more", "'https://x/y?***' and more"),
    ("cloudreve://AbC1:geheim@share/a", "cloudreve://AbC1:***@share/a"),
    ("socks5://me:pw@proxy:1080", "socks5://me:***@proxy:1080"),
    ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
    ("Cookie: UID=1; CID=2; SEID=3", "Cookie: ***"),
    ('{"access_token": "abc", "size": 3}', '{"access_token": "***", "size": 3}'),
    ("refresh_token=abc&x=1", "refresh_token=***&x=1"),
    ("password: hunter2", "password: ***"),
    ("token eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbg end", "token *** end"),
    ("2026-11-22 15:43:05 listed 3,000 files", "2026-11-22 15:43:05 listed 3,000 files"),
    ("https://cloud.example.com/s/AbC1", "https://cloud.example.com/s/AbC1"),
    ("the token is over; sign in again", "the token is over; sign in again"),
]


@pytest.mark.parametrize(("text", "expected"), REDACTED)
def test_whatever_signs_is_blanked_and_nothing_else(text, expected):
    """Queries, credentials in addresses, tokens, cookies; plain sentences stay."""
    assert log.redact(text) == expected


def test_a_kept_secret_is_blanked_wherever_it_stands():
    """A long one also inside a word; a short code only by itself."""
    log.keep_secret("correct horse")
    log.keep_secret("1234")
    log.keep_secret("")
    assert log.redact("xcorrect horsex") == "x***x"
    assert log.redact("code 1234, size 12345") == "code ***, size 12345"
    assert log.redact("/s/AbC1/1234") == "/s/AbC1/***"


def test_a_traceback_is_redacted_too():
    """What an exception quotes is written as well."""
    record = logging.LogRecord("a", logging.ERROR, "", 1, "it failed", None, None)
    try:
        raise ValueError("bad answer from https://x/y?sign=secret")
    except ValueError:
        record.exc_info = sys.exc_info()
    text = log.Redacting("%(message)s").format(record)
    assert "sign=secret" not in text
    assert "bad answer from https://x/y?***" in text


def test_the_journal_gets_a_priority_on_each_line():
    """A traceback of ten lines is not ten lines of INFO."""
    record = logging.LogRecord("a", logging.WARNING, "", 1, "one\ntwo", None, None)
    assert log.ForJournal("%(name)s: %(message)s").format(record) == "<4>a: one\n<4>two"


def warning(message="share is over path=%s", name="a", level=logging.WARNING):
    return logging.LogRecord(name, level, "", 1, message, ("x",), None)


def test_equal_warnings_are_held_back_and_counted():
    """A share that died warns about a thousand files with five lines a minute."""
    now = 0.0
    repeats = log.Repeats(burst=5, interval_s=60, clock=lambda: now)
    assert sum(repeats.filter(warning()) for _ in range(1000)) == 5
    assert repeats.filter(warning("something else %s"))
    assert repeats.filter(warning(name="b"))
    now = 60.0
    late = warning()
    assert repeats.filter(late)
    assert late.getMessage() == "share is over path=x (995 more like this were held back)"
    assert sum(repeats.filter(warning()) for _ in range(1000)) == 4


def test_news_are_never_held_back():
    """INFO tells of changes of state; those do not repeat."""
    repeats = log.Repeats(burst=1)
    assert all(repeats.filter(warning(level=logging.INFO)) for _ in range(10))


def test_our_records_have_the_level_that_was_asked_for_and_libraries_only_warnings():
    """Whole URLs are what httpx logs at INFO."""
    text = io.StringIO()
    log.setup("debug", False, file=text)
    logging.getLogger("fsmount.x").debug("ours")
    logging.getLogger("httpx").info("theirs")
    logging.getLogger("httpx").warning("their warning")
    assert "DEBUG fsmount.x: ours" in text.getvalue()
    assert "theirs" not in text.getvalue()
    assert "WARNING httpx: their warning" in text.getvalue()


def test_a_log_file_is_ours_alone_and_is_appended_to(tmp_path):
    """Mode 0600, whatever the umask."""
    file = tmp_path / "a.log"
    log.setup("info", False, file=file)
    logging.getLogger("fsmount").info("first %s", "\udcff")
    log.setup("info", False, file=file)
    logging.getLogger("fsmount").info("second")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [line.split(": ")[1] for line in file.read_text().splitlines()] == [
        "first \\udcff",
        "second",
    ]


def test_until_it_is_left_the_terminal_shows_warnings_beside_the_log():
    """What a start in the background wants to tell its person; the log has everything."""
    terminal, file = io.StringIO(), io.StringIO()
    ours = logging.getLogger("fsmount")
    ours.addHandler(logging.StreamHandler(terminal))
    log.setup("info", False, file=file)
    ours.info("news")
    ours.warning("caching is off")
    log.leave_terminal()
    ours.warning("later")
    assert terminal.getvalue() == "caching is off\n"
    assert [line.split(": ")[1] for line in file.getvalue().splitlines()] == [
        "news",
        "caching is off",
        "later",
    ]


def test_nothing_is_said_twice_at_the_terminal(capsys):
    """In the foreground the log goes there itself."""
    ours = logging.getLogger("fsmount")
    ours.addHandler(logging.StreamHandler())
    log.setup("info", False)
    ours.warning("once")
    assert capsys.readouterr().err.count("once") == 1
