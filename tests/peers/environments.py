"""Virtual environments of the peers: found Python, made once, kept while nothing changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.families import Family

_PROJECT = Path(__file__).parents[2]
_NEWEST_MINOR = 16
_PROBE_S = 20.0
_INSTALL_S = 600.0
# What a Python has to have for an environment to be made with it.
_PROBE = "import ensurepip, sys, venv; print(*sys.version_info[:2])"


def find_python(oldest: tuple[int, int]) -> str | None:
    """The path of a Python of at least this version; None when this machine has none."""
    for candidate in _candidates(oldest):
        command = [candidate, "-c", _PROBE]
        try:
            told = subprocess.run(
                command, capture_output=True, text=True, timeout=_PROBE_S, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue  # a shim of a version that is not chosen, or half an installation
        if tuple(int(part) for part in told.stdout.split()) >= oldest:
            return candidate
    return None


def _candidates(oldest: tuple[int, int]) -> Iterator[str]:
    """Pythons that may be there: our own, those on PATH, those of pyenv and uv."""
    yield sys.executable
    names = [f"python3.{minor}" for minor in range(oldest[1], _NEWEST_MINOR)]
    for name in (*names, "python3"):
        found = shutil.which(name)
        if found is not None:
            yield found
    homes = (
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions"),
        Path.home() / ".local/share/uv/python",
        Path("/usr/local"),
        Path("/opt"),
    )
    for home in homes:
        for name in names:
            yield from sorted(str(path) for path in home.glob(f"*/bin/{name}"))


def environment(family: Family, python: str) -> Path:
    """The Python of the family's environment, which is made first when it has to be.

    Raises:
        subprocess.CalledProcessError: The packages cannot be installed.
    """
    folder = _PROJECT / ".venvs" / family.name
    own, stamp = folder / "bin/python", folder / ".installed"
    wanted = hashlib.sha256(family.requirements.read_bytes() + python.encode()).hexdigest()
    if own.exists() and stamp.exists() and stamp.read_text() == wanted:
        return own
    print(f"peers: installing {family.clients} into {folder}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    _run([python, "-m", "venv", str(folder)])
    pip = [str(own), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    # Everything is named in the file, so nothing is resolved and nothing drifts.
    _run([*pip, "--no-deps", "-r", str(family.requirements)])
    stamp.write_text(wanted)
    return own


def _run(command: list[str]) -> None:
    # A pip configuration or PYTHONPATH of the environment around belongs to other programs.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(command, check=True, timeout=_INSTALL_S, env=kept)
