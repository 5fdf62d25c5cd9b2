"""`python -m tests.peers [FAMILY...]`: run the peers' scripts, each against an emulator of its own.

A family whose Python this machine does not have is skipped, and said to be. The exit code is 0 when
nothing failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.emulators import run_emulator
from tests.peers.environments import environment, find_python
from tests.peers.families import FAMILIES

if TYPE_CHECKING:
    from tests.peers.families import Family, Script

_PROJECT = Path(__file__).parents[2]
_SCRIPT_S = 120.0


def main() -> int:
    """Run the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description=__doc__)
    names = [family.name for family in FAMILIES]
    # argparse of Python 3.11 compares no argument at all, which is [], with the choices, too.
    parser.add_argument("family", nargs="*", choices=[*names, []], help="default: all")
    wanted = parser.parse_args().family or names
    failed = [
        script for family in FAMILIES if family.name in wanted for script in run_family(family)
    ]
    for script in failed:
        print(f"peers: FAILED: {script}", file=sys.stderr)
    return 1 if failed else 0


def run_family(family: Family) -> list[str]:
    """Run a family's scripts; gives the names of those that failed."""
    python = find_python(family.python)
    if python is None:
        version = ".".join(map(str, family.python))
        print(
            f"peers: SKIPPED: {family.clients}: they need Python {version} or newer, "
            "which is not on this machine",
            file=sys.stderr,
        )
        return []
    try:
        own = environment(family, python)
    except (OSError, subprocess.SubprocessError) as exc:
        print(f"peers: {family.clients} cannot be installed: {exc}", file=sys.stderr)
        return [family.name]
    return [
        f"{family.name}.{script.module}"
        for script in family.scripts
        if run_script(family, script, own) != 0
    ]


def run_script(family: Family, script: Script, python: Path) -> int:
    """Run one script against a fresh emulator; gives its exit code."""
    name = f"tests.peers.{family.name}.{script.module}"
    print(f"peers: {family.name}.{script.module}", flush=True)
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        root, home = Path(folder, "served"), Path(folder, "home")
        home.mkdir()
        grow(root)
        with run_emulator(root, *script.options, provider=script.provider) as emulator:
            surroundings = {
                # Clients keep caches below HOME, by which runs would influence each other.
                "HOME": str(home),
                "PATH": os.environ["PATH"],
                "LANG": "C.UTF-8",
                "NO_PROXY": "127.0.0.1",
                "EMULATOR": json.dumps(emulator.line),
            }
            command = [str(python), "-m", name]
            try:
                ended = subprocess.run(
                    command, cwd=_PROJECT, env=surroundings, timeout=_SCRIPT_S, check=False
                )
            except subprocess.TimeoutExpired:
                print(f"FAILED {name}: no end after {_SCRIPT_S:.0f} s", flush=True)
                return 1
            return ended.returncode


def grow(root: Path) -> None:
    """Make the tree that every script finds: two pages of small files, Chinese names, a subtree."""
    (root / "目录/inner").mkdir(parents=True)
    (root / "目录/inner/deep.txt").write_text("deep\n")
    (root / "目录/film.mkv").write_bytes(bytes(range(256)) * 1024)
    (root / "many").mkdir()
    for number in range(40):
        (root / f"many/{number:02}.txt").write_text(f"{number}\n")
    (root / "空").touch()
    (root / "plain.txt").write_text("plain\n")


if __name__ == "__main__":
    raise SystemExit(main())
