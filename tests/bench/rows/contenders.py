"""The contenders that many rows share, and the rclone flags that did best."""

from __future__ import annotations

DISK = "cache=4G"
MEMORY = "nocache"

FULL = ("--vfs-cache-mode", "full")


def streams(count: int, chunk: str, buffer: str = "16M") -> tuple[str, ...]:
    """Return rclone's flags for so many parallel chunks of one file."""
    return (
        *("--vfs-read-chunk-streams", str(count)),
        *("--vfs-read-chunk-size", chunk),
        *("--buffer-size", buffer),
    )


KEPT = ("--dir-cache-time", "1h", "--attr-timeout", "1h")
"""Listings and attributes kept as long as fsmount keeps a share's."""
