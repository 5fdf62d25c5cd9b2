"""``systemd``: makes fsmount known to mount(8) and to systemd, or takes that back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from fsmount.cli import failures, installation
from fsmount.cli.parameters import Group
from fsmount.cli.rows import say

_RELOAD_S = 30.0


@click.group(cls=Group)
def systemd() -> None:
    """Make fsmount known to mount(8) and systemd: units, and lines in /etc/fstab."""


@systemd.command()
@click.option("--user", is_flag=True, help="A unit for your own systemd only; needs no root.")
def install(user: bool) -> None:
    """Link mount.fsmount into /sbin, write the unit fsmount@.service, pages and completions.

    Run it again after fsmount has moved; nothing that it did not make is replaced.
    """
    environment = installation.find_environment()
    for item in installation.install(installation.items(environment, user=user)):
        say(str(item))
    _reload(user=user)
    if user:
        say("now: systemctl --user enable --now fsmount@REMOTE")
        return
    other = installation.trusted_only_by_root(environment.programs / installation.HELPER)
    if other is not None:
        failures.complain(
            f"{other} can be changed by others than root, who would so become root at boot; "
            "better install fsmount where only root writes (sudo pipx install --global)"
        )
    say("now: systemctl enable --now fsmount@REMOTE, or a line in /etc/fstab of type fsmount")


@systemd.command()
@click.option("--user", is_flag=True, help="The unit of your own systemd.")
def uninstall(user: bool) -> None:
    """Remove what install made; mounts that stand go on."""
    wanted = installation.items(installation.find_environment(), user=user)
    removed = [str(item) for item in installation.uninstall(wanted)]
    for line in removed:
        say(f"removed {line}")
    if not removed:
        click.echo("there is nothing to remove", err=True)
    _reload(user=user)


def _reload(*, user: bool) -> None:
    """Let a running systemd read its units anew; without one there is nothing to do."""
    if not Path("/run/systemd/system").is_dir():
        return
    command = ["systemctl", *(["--user"] if user else []), "daemon-reload"]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=_RELOAD_S, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        failures.complain(f'"{" ".join(command)}" failed: {exc}')
        return
    if done.returncode != 0:
        failures.complain(f'"{" ".join(command)}" failed: {done.stderr.strip()}')
