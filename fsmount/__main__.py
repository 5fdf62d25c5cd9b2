"""The programs: ``fsmount`` and ``mount.fsmount``, the helper that mount(8) calls."""

from __future__ import annotations

import sys


def main() -> int:
    """Run ``fsmount`` on the command line's arguments; return the exit code."""
    from fsmount.cli.command import run

    return run(sys.argv[1:])


def mount_helper() -> int:
    """Run ``mount.fsmount`` on the command line's arguments; return the exit code."""
    from fsmount.cli.helper import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
