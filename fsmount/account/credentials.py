"""Finding secrets where people may keep them: options, files, commands, systemd credentials."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What can sign an account in without a person; every field may be "".

    ``repr`` shows which are set, never what.
    """

    login: str = ""
    password: str = ""
    refresh_token: str = ""
    access_token: str = ""

    def __repr__(self) -> str:
        """Name the fields that are set."""
        names = [n for n in self.__slots__ if getattr(self, n)]
        return f"Credentials({', '.join(names) or 'none'})"
