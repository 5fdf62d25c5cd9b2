"""mount.fsmount, as mount(8) calls it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fsmount.cli import helper, mounting
from fsmount.errors import UsageError


@pytest.fixture(autouse=True)
def own_handlers():
    """Undo what the helper does to logging."""
    logger = logging.getLogger("fsmount")
    kept = logger.handlers[:], logger.level
    yield
    logger.handlers, logger.level = kept


@pytest.mark.parametrize(
    ("arguments", "words", "options"),
    [
        (["src", "/mnt"], ["src", "/mnt"], []),
        (["src", "/mnt", "-o", "ro,nofail"], ["src", "/mnt"], ["ro,nofail"]),
        (["src", "/mnt", "-oro"], ["src", "/mnt"], ["ro"]),
        (["src", "/mnt", "-n", "-v", "-s", "-o", "rw"], ["src", "/mnt"], ["rw"]),
        (["-nvs", "src", "/mnt"], ["src", "/mnt"], []),
        (["-no", "a=b", "src", "/mnt"], ["src", "/mnt"], ["a=b"]),
        (["src", "/mnt", "-r"], ["src", "/mnt"], ["ro"]),
        (["src", "/mnt", "-w"], ["src", "/mnt"], ["rw"]),
        (["-t", "fsmount", "src", "/mnt"], ["src", "/mnt"], []),
        (["-N", "/proc/1/ns/mnt", "src", "/mnt"], ["src", "/mnt"], []),
        (["--", "-src", "/mnt"], ["-src", "/mnt"], []),
    ],
)
def test_the_words_of_mount_are_understood(arguments, words, options):
    """Flags alone, together, and with their value attached."""
    call = helper.parse(arguments)
    assert (call.words, call.options) == (words, options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["src"], "mount.fsmount wants a SOURCE and a directory"),
        (["src", "/a", "/b"], "mount.fsmount wants a SOURCE and a directory"),
        (["src", "/a", "-o"], "-o wants a value"),
        (["src", "/a", "-x"], "unknown flag -x"),
    ],
)
def test_other_words_are_a_usage_error(arguments, message):
    """With how it is written."""
    with pytest.raises(UsageError) as caught:
        helper.parse(arguments)
    assert str(caught.value) == f"{message}; mount.fsmount SOURCE DIR [-o OPT,…]"


@pytest.mark.parametrize(("code", "told"), [(0, 0), (1, 32), (2, 1)])
def test_exit_codes_are_those_that_mount_documents(monkeypatch, code, told):
    """1 is a wrong call, 32 a mount that failed."""
    monkeypatch.setattr(mounting, "start_mount", lambda *args, **kwargs: code)
    assert helper.run(["src", "/mnt"]) == told


def test_a_wrong_call_is_one_line_and_1(capsys):
    """Never a traceback."""
    assert helper.run(["src"]) == 1
    assert capsys.readouterr().err == (
        "fsmount: mount.fsmount wants a SOURCE and a directory; "
        "mount.fsmount SOURCE DIR [-o OPT,…]\n"
    )


def test_a_fake_mount_mounts_nothing(monkeypatch):
    """``mount -f``."""
    monkeypatch.setattr(mounting, "start_mount", lambda *args, **kwargs: pytest.fail("mounted"))
    assert helper.run(["-f", "src", "/mnt"]) == 0


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: helper.run(["src", "/mnt", "-o", "rw,nofail"]), False),
        (lambda: started("rw,dev,suid"), False),
        (lambda: started("rw"), True),
    ],
    ids=["mount", "mount.fuse3", "a person"],
)
def test_rw_is_told_about_only_when_a_person_wrote_it(monkeypatch, call, told):
    """mount(8) and mount.fuse3 pass rw whenever nobody wrote ro."""
    asked = []
    monkeypatch.setattr("fsmount.mount.mount", lambda request: asked.append(request) or 0)
    assert call() == 0
    assert asked[0].options.writable_asked is told


def started(options):
    """Begin a mount as the command does."""
    return mounting.start_mount(
        "src", Path("/mnt"), (options,), config=None, foreground=False, debug=False
    )


def test_verbose_says_what_was_done(monkeypatch, capsys):
    """``mount -v``."""
    monkeypatch.setattr(mounting, "start_mount", lambda *args, **kwargs: 0)
    assert helper.run(["-v", "src", "/mnt"]) == 0
    assert capsys.readouterr().err == "fsmount: mounted on /mnt\n"
