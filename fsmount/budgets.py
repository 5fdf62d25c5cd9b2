"""What kind of program opens a file, and how much of a mount each kind may have.

A desktop's thumbnailer downloads a folder of films for their pictures, an indexer a whole drive for
its words, and neither knows that each file costs a provider's patience. Pure data and decisions;
``guard`` asks the kernel who it is, and enforces.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(enum.StrEnum):
    """What a program is, as far as a mount is concerned."""

    PLAYER = "player"
    SCANNER = "scanner"
    BACKUP = "backup"
    THUMBNAILER = "thumbnailer"
    INDEXER = "indexer"
    OTHER = "other"


BEHIND = frozenset((Kind.SCANNER, Kind.BACKUP, Kind.THUMBNAILER, Kind.INDEXER))
"""Kinds that nobody waits for: where calls queue, everybody else goes first."""

# Names as the kernel has them: cut after 15 bytes (proc_pid_comm(5)), hence the asterisks.
_PATTERNS: Mapping[Kind, str] = {
    Kind.PLAYER: """
        mpv vlc cvlc mplayer celluloid totem kodi* smplayer haruna dragon clapper ffplay ffmpeg
        gst-launch-1.0 gst-play-1.0 mpd audacious rhythmbox clementine strawberry deadbeef
        jellyfin-ffmpeg* embyserver plex?transcoder plex?transcode plex?media?serv* jellyfin
    """,
    Kind.SCANNER: """
        ffprobe mediainfo exiftool plex?media?scan* plex?media?anal* jellyfin-ffprob* clamscan
        clamdscan clamd photoprism
    """,
    Kind.BACKUP: "rsync restic borg rclone duplicity duplicacy kopia bacula-fd rdiff-backup tar",
    Kind.THUMBNAILER: """
        tumblerd *thumbnail* evince-thumb* totem-video-thu* kio_thumbnail* glycin-* gst-thumb*
        ffmpegthumbnai* papers-thumb* raw-thumb*
    """,
    Kind.INDEXER: """
        tracker-miner* tracker-extract* tracker-store localsearch* baloo_file* baloorunner
        updatedb* recollindex recoll* locate nepomuk* strigi* zeitgeist-data*
    """,
}


def kind_of(names: tuple[str, ...], programs: Mapping[str, Kind]) -> Kind:
    """Return what a program is.

    Args:
        names: Its names, the surest first: that of its process, that of its file.
        programs: What the user says, by pattern; the first that fits wins over what is known here.
    """
    lowered = [name.lower() for name in names if name]
    for pattern, kind in programs.items():
        if any(fnmatchcase(name, pattern.lower()) for name in lowered):
            return kind
    for name in lowered:
        for kind, patterns in _PATTERNS.items():
            if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
                return kind
    return Kind.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What all programs of one kind together may have of one mount.

    Attributes:
        refused: They see names, sizes and times, and no content.
        files: Open at once; None is any number. One more waits for its turn, for some seconds.
        bytes_per_s: Read by them; None is as fast as it comes.
    """

    refused: bool = False
    files: int | None = None
    bytes_per_s: int | None = None


FREE = Budget()

DEFAULT: Mapping[Kind, Budget] = {
    # Pictures of what is looked at now; the rest would be fetched for nothing.
    Kind.THUMBNAILER: Budget(files=2, bytes_per_s=4_000_000),
    # It would read everything there is, and once more after each change.
    Kind.INDEXER: Budget(refused=True),
}
"""Of kinds that the configuration says nothing about; all others are free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """``[guard]`` of the configuration.

    Attributes:
        kinds: Budget by kind; of those that are missing ``DEFAULT`` or ``FREE`` holds.
        programs: What the user says a program is, by pattern.
    """

    kinds: Mapping[Kind, Budget] = field(default_factory=dict)
    programs: Mapping[str, Kind] = field(default_factory=dict)

    def of(self, kind: Kind) -> Budget:
        """Return the budget of a kind."""
        return self.kinds.get(kind) or DEFAULT.get(kind, FREE)


def parse_budget(value: object) -> Budget:
    """Return the budget that ``value`` of a configuration means.

    Raises:
        ValueError: It is none; says what would be one.
    """
    if value == "free":
        return Budget()
    if value == "refuse":
        return Budget(refused=True)
    wanted = '"free", "refuse" or { files = 2, mb_per_s = 4 }'
    if not isinstance(value, dict) or not value or set(value) - {"files", "mb_per_s"}:
        raise ValueError(wanted)
    files, rate = value.get("files"), value.get("mb_per_s")
    # bool is an int to Python, and no number to anybody else.
    if files is not None and (type(files) is not int or files < 1):
        raise ValueError(f"{wanted}; files is 1 or more")
    if rate is not None and (type(rate) not in (int, float) or rate < 0.1):
        raise ValueError(f"{wanted}; mb_per_s is 0.1 or more")
    return Budget(files=files, bytes_per_s=None if rate is None else int(rate * 1e6))


def parse_budgets(table: Mapping[str, object]) -> Budgets:
    """Return what the table ``[guard]`` says.

    Raises:
        BadBudget: With the key it is about.
    """
    kinds: dict[Kind, Budget] = {}
    programs: dict[str, Kind] = {}
    for key, value in table.items():
        try:
            if key == "programs":
                programs = _programs(value)
            else:
                kinds[Kind(key)] = parse_budget(value)
        except ValueError as exc:
            known = [*Kind, "programs"]
            raise BadBudget(key, "" if key not in known else str(exc), known) from exc
    return Budgets(kinds=kinds, programs=programs)


def _programs(value: object) -> dict[str, Kind]:
    if isinstance(value, dict):
        try:
            return {pattern: Kind(kind) for pattern, kind in value.items()}
        except ValueError:
            pass  # told below, as any other wrong value
    raise ValueError(f'{{ "name*" = "KIND" }}, with a KIND of {", ".join(Kind)}')


class BadBudget(ValueError):
    """A key of ``[guard]`` is not understood.

    Attributes:
        key: Which one.
        wanted: What would have been; "" for a key that is not known.
        known: The keys that are.
    """

    def __init__(self, key: str, wanted: str, known: list[str]) -> None:
        super().__init__(key)
        self.key = key
        self.wanted = wanted
        self.known = known
