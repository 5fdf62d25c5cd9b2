"""Tokens on disk: one 0600 file per account, one lock per account across processes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fsmount.model import Token


class TokenFile:
    """The token of one account.

    Args:
        path: ``STATE/tokens/NAME.json``.
    """

    def __init__(self, path: Path) -> None:
        raise NotImplementedError

    def load(self) -> Token | None:
        """Return what is kept; None when nothing is or it cannot be understood (then warned)."""
        raise NotImplementedError

    def save(self, token: Token) -> None:
        """Keep ``token`` unless a newer one is kept: write, fsync, rename, fsync the directory.

        Raises:
            StoreFault: It is not on disk; a single-use token must then not be used up.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Remove the token; nothing happens when there is none."""
        raise NotImplementedError

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Hold this account's lock across processes (flock; freed by the kernel on death)."""
        raise NotImplementedError
        yield
