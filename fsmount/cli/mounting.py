"""``mount`` and ``umount``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from fsmount.cli import failures
from fsmount.cli.parameters import Command, Invocation, local_path
from fsmount.errors import known


@click.command(
    cls=Command,
    epilog="\b\n"
    "fsmount mount https://cloud.example.com/s/AbC1 ~/share\n"
    "fsmount mount photos /mnt/photos -o allow_other,cache=20G",
)
@click.argument("source")
@click.argument("mountpoint", type=local_path)
@click.option(
    "-o",
    "options",
    multiple=True,
    metavar="OPT,…",
    help="Mount options, as in fstab: allow_other,uid=1000,cache=20G,address=URL …",
)
@click.option("-f", "--foreground", is_flag=True, help="Stay in the foreground until unmounted.")
@click.pass_obj
def mount(
    invocation: Invocation,
    source: str,
    mountpoint: Path,
    options: tuple[str, ...],
    foreground: bool,
) -> int:
    """Mount SOURCE on the directory MOUNTPOINT.

    SOURCE is the name of a remote in the configuration, or a share link as you paste it.
    """
    return start_mount(
        source,
        mountpoint,
        options,
        config=invocation.config,
        foreground=foreground,
        debug=invocation.debug,
    )


def start_mount(
    source: str,
    mountpoint: Path,
    options: tuple[str, ...],
    *,
    config: Path | None,
    foreground: bool,
    debug: bool,
    quiet_rw: bool = False,
) -> int:
    """Mount, and return the exit code once the root can be listed (or cannot).

    Args:
        source: SOURCE.
        mountpoint: Absolute.
        options: Texts of ``-o``.
        config: ``--config``.
        foreground: Return only when it is unmounted.
        debug: Log everything.
        quiet_rw: Say nothing about ``rw``: not a person wrote it.
    """
    from fsmount.mount import MountRequest
    from fsmount.mount import mount as mount_now
    from fsmount.options import parse_options

    wanted = parse_options(options)
    if config is None and wanted.config:
        config = Path(wanted.config)
    # mount.fuse3, which runs ``fsmount SOURCE DIR``, writes rw,dev,suid by itself as well.
    if quiet_rw or {"dev", "suid"} <= set(wanted.ignored):
        wanted = replace(wanted, writable_asked=False)
    return mount_now(
        MountRequest(
            source_text=source,
            mountpoint=mountpoint,
            options=wanted,
            config_path=config,
            foreground=foreground,
            debug=debug,
        )
    )


@click.command(cls=Command)
@click.argument("mountpoints", type=local_path, nargs=-1, required=True, metavar="MOUNTPOINT…")
@click.option(
    "--stale", is_flag=True, help="Only a mount whose daemon is gone or hangs; else do nothing."
)
def umount(mountpoints: tuple[Path, ...], stale: bool) -> int:
    """Unmount; frees whoever waits on a mount whose daemon died or hangs."""
    from fsmount import control, mountpoint
    from fsmount.store.directories import find_directories

    if stale:
        for path in mountpoints:
            while mountpoint.clear_stale(mountpoint.located(path)):
                failures.complain(f'cleared a stale mount on "{path}"')
        return failures.DONE
    directories = find_directories()
    code = failures.DONE
    for path in mountpoints:
        try:
            control.unmount(path, directories)
        except Exception as exc:  # the others are unmounted all the same
            if known(exc) is None:
                raise
            code = failures.report(exc, debug=False)
    return code
