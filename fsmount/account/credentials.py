"""Finding secrets where people may keep them: options, files, commands, systemd credentials."""

from __future__ import annotations

import logging
import os
import shlex
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from fsmount.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

# A person may have to unlock a key ring or touch a token meanwhile.
_COMMAND_WITHIN_S = 60.0
# A file that gives nothing for so long is a pipe that nobody writes to.
_FILE_WITHIN_S = 10.0
# The largest secret known is a JWT of some kilobytes; anything beyond is the wrong file.
_MOST_BYTES = 65536
_SEVERAL_LINES = frozenset({"private_key"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What can sign an account in without a person; every field may be "".

    ``repr`` shows which are set, never what.
    """

    login: str = ""
    password: str = ""
    refresh_token: str = ""
    access_token: str = ""
    private_key: str = ""

    def __repr__(self) -> str:
        """Name the fields that are set."""
        names = [n for n in self.__slots__ if getattr(self, n)]
        return f"Credentials({', '.join(names) or 'none'})"

    def __bool__(self) -> bool:
        """True when any of them is a way in: a login alone is not."""
        return bool(self.signs_in or self.refresh_token or self.access_token)

    @property
    def signs_in(self) -> bool:
        """True when they open a session of their own, as often as one is needed."""
        return bool(self.password or self.private_key)


async def resolve(
    options: Mapping[str, object], *, remote: str, directory: Path | None = None
) -> Credentials:
    """Return the secrets that ``options`` name, wherever they are kept.

    Of ``login`` (or ``email``), ``password``, ``refresh_token``, ``access_token`` (or ``cookie``)
    and ``private_key`` (several lines, in PEM) each may be given as it is, as ``NAME_file``, as
    ``NAME_command`` (the first line it prints; all of a key), or as the systemd credential
    ``REMOTE.NAME``, which is looked for when none of the others is given. Other options are not
    looked at; ``None`` and "" mean "not given".

    Runs commands and reads files, each within its own deadline; cancelling ends a command.

    Args:
        options: A driver's options by name.
        remote: The remote's name: what its systemd credentials are called after.
        directory: systemd's ``$CREDENTIALS_DIRECTORY``; None outside a unit that has any.

    Raises:
        UsageError: A secret is given twice, or cannot be had; one line, without any secret.
    """
    given = {name: value for name, value in options.items() if isinstance(value, str) and value}
    if "login" not in given and "email" in given:
        given["login"] = given["email"]
    names = Credentials.__slots__
    found = {name: await _secret(name, given, remote, directory) for name in names}
    if not found["access_token"]:
        # What a browser sends is an access token to its provider, whatever it is called there.
        found["access_token"] = await _secret("cookie", given, remote, directory)
    return Credentials(**found)


async def _secret(name: str, given: Mapping[str, str], remote: str, directory: Path | None) -> str:
    ways = [way for way in (name, f"{name}_file", f"{name}_command") if way in given]
    if len(ways) > 1:
        raise UsageError(f'"{ways[0]}" and "{ways[1]}" are both given', advice="remove one of them")
    if not ways:
        # A name of a remote is a word; anything else cannot be the name of a credential.
        if directory is None or "/" in remote:
            return ""
        credential = directory / f"{remote}.{name}"
        return await _from_file(name, name, credential) if credential.exists() else ""
    (way,) = ways
    if way == name:
        return _secret_text(name, given[way], f'"{name}"')
    if way == f"{name}_file":
        return await _from_file(name, way, Path(given[way]))
    return await _from_command(name, way, given[way])


async def _from_file(name: str, option: str, path: Path) -> str:
    try:
        # In a thread that may be left behind: opening a pipe waits for its writer.
        with trio.fail_after(_FILE_WITHIN_S):
            data = await trio.to_thread.run_sync(_read, path, abandon_on_cancel=True)
        text = data.decode()
    except OSError as exc:
        raise UsageError(f"cannot read {option} {path}: {exc.strerror}") from exc
    except trio.TooSlowError as exc:
        raise UsageError(f"cannot read {option} {path}: nothing came") from exc
    except UnicodeDecodeError:
        # Without its cause: that one quotes the bytes.
        raise UsageError(f"cannot read {option} {path}: it is not UTF-8 text") from None
    return _secret_text(name, text, f"{option} {path}")


def _read(path: Path) -> bytes:
    with path.expanduser().open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_IRWXO | stat.S_IWGRP):
            # Not refused: in a container or on a vfat stick the owner cannot change it.
            log.warning('file=%s with a secret is open to others; run "chmod 600 %s"', path, path)
        return file.read(_MOST_BYTES)


async def _from_command(name: str, option: str, command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError as exc:
        raise UsageError(f"{option} cannot be understood: {exc}") from None
    if not words:
        raise UsageError(f"{option} is empty")
    # Only the program is named: its arguments may hold what they should not.
    called = f'{option} "{Path(words[0]).name}"'
    try:
        with trio.fail_after(_COMMAND_WITHIN_S):
            done = await trio.run_process(
                words,
                stdin=subprocess.DEVNULL,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
    except OSError as exc:
        raise UsageError(f"{called} cannot be run: {exc.strerror}") from exc
    except trio.TooSlowError as exc:
        raise UsageError(f"{called} did not end within {_COMMAND_WITHIN_S:.0f} s") from exc
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())[:200]
        ended = f"ended with status {done.returncode}" if done.returncode > 0 else "was killed"
        raise UsageError(f"{called} {ended}: {said or 'it said nothing'}")
    try:
        text = done.stdout.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{called} printed something that is not UTF-8 text") from None
    # Password stores print further fields below the password.
    first, *_ = text.splitlines() or [""]
    return _secret_text(name, text if name in _SEVERAL_LINES else first, called)


def _secret_text(name: str, text: str, where: str) -> str:
    if name not in _SEVERAL_LINES:
        return _one_line(text, where)
    if not text.strip() or "\0" in text:
        raise UsageError(f"{where} is empty, or is not text")
    return text


def _one_line(text: str, where: str) -> str:
    """Return ``text`` without the newline that editors and ``echo`` add."""
    text = text.rstrip("\r\n")
    if not text:
        raise UsageError(f"{where} is empty")
    if any(character in text for character in "\r\n\0"):
        raise UsageError(f"{where} holds more than one line")
    return text
