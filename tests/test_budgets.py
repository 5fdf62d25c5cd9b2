"""What programs are, and what the configuration says they may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsmount.budgets import Budget, Budgets, Kind, kind_of, parse_budget
from fsmount.config import parse_config
from fsmount.errors import UsageError


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("mpv", "mpv"), Kind.PLAYER),
        (("Plex Media Serv", "Plex Media Server"), Kind.PLAYER),
        (("Plex Media Scan", "Plex Media Scanner"), Kind.SCANNER),
        (("ffprobe",), Kind.SCANNER),
        (("rsync",), Kind.BACKUP),
        (("tumblerd",), Kind.THUMBNAILER),
        (("ffmpegthumbnail", "ffmpegthumbnailer"), Kind.THUMBNAILER),
        (("gdk-pixbuf-thum", "gdk-pixbuf-thumbnailer"), Kind.THUMBNAILER),
        (("tracker-miner-f",), Kind.INDEXER),
        (("localsearch-ext",), Kind.INDEXER),
        (("baloo_file_extr",), Kind.INDEXER),
        (("updatedb.plocat",), Kind.INDEXER),
        (("cat",), Kind.OTHER),
        (("bash", "bash"), Kind.OTHER),
        (("nautilus",), Kind.OTHER),
        ((), Kind.OTHER),
        # Its own name says nothing; that of its file does.
        (("pool-spawner", "totem-video-thumbnailer"), Kind.THUMBNAILER),
    ],
)
def test_programs_are_known_by_their_names(names, kind):
    """As the kernel cuts them, whatever the case."""
    assert kind_of(names, {}) is kind


def test_what_the_user_says_wins():
    """Also against what is known here."""
    programs = {"my-index*": Kind.INDEXER, "MPV": Kind.OTHER}
    assert kind_of(("my-indexer",), programs) is Kind.INDEXER
    assert kind_of(("mpv",), programs) is Kind.OTHER


def test_without_a_word_indexers_get_nothing_and_thumbnailers_little():
    """Everybody else is free."""
    budgets = Budgets()
    assert budgets.of(Kind.INDEXER).refused
    assert budgets.of(Kind.THUMBNAILER) == Budget(files=2, bytes_per_s=4_000_000)
    for kind in (Kind.PLAYER, Kind.SCANNER, Kind.BACKUP, Kind.OTHER):
        assert budgets.of(kind) == Budget()


@pytest.mark.parametrize(
    ("value", "budget"),
    [
        ("free", Budget()),
        ("refuse", Budget(refused=True)),
        ({"files": 3}, Budget(files=3)),
        ({"mb_per_s": 0.5}, Budget(bytes_per_s=500_000)),
        ({"files": 1, "mb_per_s": 2}, Budget(files=1, bytes_per_s=2_000_000)),
    ],
)
def test_a_budget_is_a_word_or_numbers(value, budget):
    """Both numbers are optional."""
    assert parse_budget(value) == budget


@pytest.mark.parametrize(
    "value", ["never", 3, {}, {"files": 0}, {"files": True}, {"mb_per_s": 0}, {"mbps": 1}, []]
)
def test_what_is_no_budget_is_refused(value):
    """With what would be one."""
    with pytest.raises(ValueError, match=r'"free", "refuse" or \{ files = 2, mb_per_s = 4 \}'):
        parse_budget(value)


def config(text):
    return parse_config(text, Path("/c/config.toml"))


def test_the_configuration_says_what_each_kind_may_have():
    """[guard], and programs by pattern."""
    guard = config(
        '[guard]\nindexer = "free"\nscanner = { files = 4 }\n'
        '[guard.programs]\n"photoprism*" = "backup"\n'
    ).guard
    assert guard.of(Kind.INDEXER) == Budget()
    assert guard.of(Kind.SCANNER) == Budget(files=4)
    assert guard.of(Kind.THUMBNAILER).files == 2
    assert kind_of(("photoprism",), guard.programs) is Kind.BACKUP


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '[guard]\nindexr = "free"\n',
            '/c/config.toml line 2: unknown name "indexr" in [guard]; did you mean "indexer"?',
        ),
        (
            "[guard]\nindexer = 3\n",
            "/c/config.toml line 2: [guard] indexer: not understood; "
            'write "free", "refuse" or { files = 2, mb_per_s = 4 }',
        ),
        (
            '[guard.programs]\nx = "robot"\n',
            "/c/config.toml line 1: [guard] programs: not understood; "
            'write { "name*" = "KIND" }, with a KIND of '
            "player, scanner, backup, thumbnailer, indexer, other",
        ),
        ("guard = 3\n", '/c/config.toml line 1: "guard" is not a table; write [guard] above'),
    ],
)
def test_a_guard_that_is_not_understood_says_where(text, sentence):
    """The line, and what was meant."""
    with pytest.raises(UsageError) as caught:
        config(text)
    assert str(caught.value).startswith(sentence)
