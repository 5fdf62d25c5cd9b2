"""Which driver a pasted link belongs to, remembered: a boot may come before the network does."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

import msgspec

from fsmount.errors import StoreFault
from fsmount.store import files

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


class Detections:
    """Answers of sites that were asked who they are, by SOURCE text.

    Keyed by a hash, since a SOURCE may hold an extraction code. Both methods are quick but block.

    Args:
        path: ``STATE/detections.json``; its directory is made on the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, source_text: str) -> str | None:
        """Return the name of the driver that was found for ``source_text``; None when unknown.

        A file that cannot be read or understood is logged and counts as knowing nothing: the site
        can be asked again.
        """
        return self._load().get(_key(source_text))

    def put(self, source_text: str, driver: str) -> None:
        """Remember ``driver`` for ``source_text``.

        Raises:
            StoreFault: It is not on disk.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with files.locked_blocking(self.path.with_suffix(".lock")):
                known = self._load()
                if known.get(_key(source_text)) != driver:
                    known[_key(source_text)] = driver
                    files.replace_durably(self.path, msgspec.json.encode(known))
        except OSError as exc:
            raise StoreFault(f"cannot write {self.path}: {exc.strerror}") from exc

    def _load(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
            log.warning("file=%s cannot be used (%s), as if it were empty", self.path, exc)
            return {}


def _key(source_text: str) -> str:
    return hashlib.sha256(source_text.encode("utf-8", "surrogateescape")).hexdigest()[:32]
