"""Tokens on disk: one 0600 file per account, one lock per account across processes."""

from __future__ import annotations

import hashlib
import logging
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from fsmount.errors import StoreFault
from fsmount.model import Token
from fsmount.store import files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fsmount.store.directories import Directories

log = logging.getLogger(__name__)

_ACCOUNT_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


def account_key(name: str, identity: str) -> str:
    """Return a file name for an account: readable, unique, harmless.

    Args:
        name: What a person calls it; any text.
        identity: Everything that tells it from other accounts (driver, address, login); hashed.
    """
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-_")[:40]
    return f"{readable or 'account'}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}"


def token_path(directories: Directories, key: str) -> Path:
    """Return where the token of the account ``key`` is kept; its directory may not exist yet."""
    if not _ACCOUNT_KEY.fullmatch(key):
        raise ValueError(f"not an account key: {key!r}")
    return directories.state / "tokens" / f"{key}.json"


class TokenFile:
    """The token of one account.

    Every method but ``locked`` blocks for as long as the disk does: async callers use a thread.
    ``save`` and ``forget`` are called while ``locked`` is held.

    Args:
        path: ``STATE/tokens/NAME.json``; its directory is made on the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = path.with_suffix(".lock")

    def load(self) -> Token | None:
        """Return what is kept; None when nothing is or it cannot be understood (then warned).

        Raises:
            StoreFault: There is something and it cannot be read: that is not absence.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StoreFault(f"cannot read the token {self.path}: {exc.strerror}") from exc
        try:
            return msgspec.json.decode(data, type=Token)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Without the reason: msgspec may quote what it could not take.
            log.warning("token=%s cannot be understood, as if there were none", self.path)
            return None

    def stamp(self) -> tuple[int, int] | None:
        """Return something that changes whenever another token is kept; None without one."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def save(self, token: Token, *, replaces: Token | None = None) -> None:
        """Keep ``token`` unless a newer one is kept: write, fsync, rename, fsync the directory.

        Args:
            token: What to keep.
            replaces: The kept token that ``token`` was made from. It is replaced whatever the
                dates say: a provider's clock that was once set back must not strand an account.

        Raises:
            StoreFault: It is not on disk; a single-use token must then not be used up.
        """
        kept = self.load()
        if kept is not None and kept != replaces and kept.issued_at > token.issued_at:
            log.info("token=%s is newer than the one to be kept, left alone", self.path)
            return
        try:
            self._make_directory()
            files.replace_durably(self.path, msgspec.json.encode(token))
        except OSError as exc:
            raise StoreFault(
                f"cannot keep the token in {self.path.parent}: {exc.strerror}",
                advice="make the state directory writable and free some space",
            ) from exc

    def ensure_writable(self) -> None:
        """Return when a token could be kept now, proven by keeping a stand-in for a moment.

        Raises:
            StoreFault: Not now; says why.
        """
        probe = self.path.with_suffix(".probe")
        try:
            self._make_directory()
            # As large as any token gets, so that a full disk shows here.
            files.replace_durably(probe, b"\0" * 8192)
            probe.unlink()
        except OSError as exc:
            raise StoreFault(
                f"no token could be kept in {self.path.parent}: {exc.strerror}",
                advice="make the state directory writable and free some space",
            ) from exc

    def forget(self) -> None:
        """Remove the token; nothing happens when there is none.

        Raises:
            StoreFault: It is there and cannot be removed.
        """
        try:
            self.path.unlink(missing_ok=True)
            if self.path.parent.is_dir():
                files.sync_directory(self.path.parent)
        except OSError as exc:
            raise StoreFault(f"cannot remove {self.path}: {exc.strerror}") from exc

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Hold this account's lock across processes (flock; freed by the kernel on death).

        Raises:
            StoreFault: There is no lock to be had in this directory.
        """
        try:
            self._make_directory()
        except OSError as exc:
            raise StoreFault(f"cannot make {self.path.parent}: {exc.strerror}") from exc
        async with files.locked(self._lock):
            yield

    def _make_directory(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
