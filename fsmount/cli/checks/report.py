"""A bundle for whoever is asked for help: findings, versions, configuration, logs, no secret.

Everything passes ``log.redact``, which also knows every secret of the configuration; options that
hold a secret are blanked besides, whatever their value looks like.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from typing import TYPE_CHECKING

import msgspec

from fsmount import control, log
from fsmount.config import load_config
from fsmount.drivers.declared import declared
from fsmount.errors import FsmountError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fsmount.store.directories import Directories

_LOG_TAIL = 256 * 1024
_ASK_WITHIN_S = 3.0


def write_report(
    target: Path,
    findings: Iterable[Mapping[str, object]],
    about: Mapping[str, str],
    directories: Directories,
    config: Path | None,
) -> None:
    """Write the bundle, a ``.tar.gz`` that only its owner can read; it replaces an older one.

    Raises:
        OSError: It cannot be written.
    """
    # First: from here on the log's redaction knows every configured secret.
    configured = _configured(directories, config)
    parts = {
        "doctor.json": _pretty(list(findings)),
        "about.json": _pretty(about),
        "configuration.json": _pretty(configured),
        "mounts.json": _pretty(_mounts(directories)),
        **_logs(directories),
    }
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as bundle:
        for name, text in parts.items():
            data = log.redact(text).encode(errors="backslashreplace")
            info = tarfile.TarInfo(f"fsmount-report/{name}")
            info.size, info.mtime, info.mode = len(data), int(time.time()), 0o600
            bundle.addfile(info, io.BytesIO(data))


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _configured(directories: Directories, path: Path | None) -> dict[str, object]:
    try:
        config = load_config(path, directories)
    except FsmountError as exc:
        return {"error": str(exc)}
    told: dict[str, object] = {"path": str(config.path) if config.path else None}
    remotes: dict[str, object] = {}
    for name, remote in config.remotes.items():
        values = msgspec.structs.asdict(remote.options)
        for option in declared(type(remote.options)):
            if not (option.sensitive or option.code):
                continue
            if values[option.name]:
                log.keep_secret(str(values[option.name]))
                values[option.name] = log.BLANK
        remotes[name] = {"driver": remote.driver, **values}
    told["remotes"] = remotes
    told["mounts"] = {name: dict(mount.tree) for name, mount in config.mounts.items()}
    return told


def _mounts(directories: Directories) -> list[object]:
    told: list[object] = []
    for door in control.mounts(directories):
        try:
            told.append(control.ask(door, "status", timeout_s=_ASK_WITHIN_S))
        except FsmountError as exc:
            told.append({"mountpoint": str(door.mountpoint), "error": str(exc)})
    return told


def _logs(directories: Directories) -> dict[str, str]:
    logs: dict[str, str] = {}
    folder = directories.state / "log"
    for path in sorted(folder.glob("*.log*")) if folder.is_dir() else ():
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _LOG_TAIL))
                logs[f"log/{path.name}"] = file.read().decode(errors="replace")
        except OSError as exc:
            logs[f"log/{path.name}"] = f"cannot be read: {exc.strerror}"
    return logs
