"""A small disk that can lose its power: what was not synced is gone.

It is an ext4 filesystem in a file behind a loop device. The file has what reached the device; what
only stands in the page cache is not in it. A copy of the file, mounted, is therefore the disk as it
is after the power came back, journal and all.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.mount.standing import wait_for

if TYPE_CHECKING:
    from pathlib import Path


class Disk:
    """One disk, mounted on ``path``.

    Args:
        place: An empty directory for the image and the mountpoint.
        size: Of the disk, in bytes.
    """

    def __init__(self, place: Path, size: int) -> None:
        self.path = place / "disk"
        self.path.mkdir()
        self._place = place
        self._image = place / "0.img"
        self._cuts = 0
        with self._image.open("wb") as file:
            file.truncate(size)
        _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", self._image)
        self._mount()

    def _mount(self) -> None:
        # Metadata is committed every second, so that a cut falls between commits, not before all.
        _run("mount", "-o", "loop,commit=1", self._image, self.path)

    def copy(self) -> Path:
        """Return a copy of what has reached the device by now."""
        self._cuts += 1
        copied = self._place / f"{self._cuts}.img"
        _run("cp", "--sparse=always", self._image, copied)
        return copied

    def replace(self, image: Path) -> None:
        """Let the disk be as in ``image``; nothing may use it now."""
        self.close()
        self._image.unlink()
        self._image = image
        self._mount()

    def close(self) -> None:
        """Unmount it, as soon as the processes that were killed have let go of it."""
        wait_for(lambda: subprocess.run(["umount", self.path], check=False).returncode == 0)


def _run(*argv: object) -> None:
    subprocess.run([str(word) for word in argv], check=True, capture_output=True)
