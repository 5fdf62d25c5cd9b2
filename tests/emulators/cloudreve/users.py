"""Who may ask: the owner of the served tree, a second user, and the anonymous one.

Source: wire Cloudreve V4 §3, recordings login_password, login_2fa_ok, site_config_basic.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve import times

if TYPE_CHECKING:
    from tests.emulators.cloudreve.tree import Node


class Status(Enum):
    """What an account may do; the value is how the server writes it."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    BANNED = "manual_banned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group and its rights, of which `permission` is the bit set as sent."""

    id: str
    name: str
    permission: str
    direct_links: int = 0
    may_archive: bool = False
    may_unlink: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    """One account; `root` is its own drive and `trash` what it threw away."""

    id: str
    email: str
    nickname: str
    password: str
    group: Group
    created_ns: int
    language: str = "en-US"
    status: Status = Status.ACTIVE
    two_factor: bool = False
    anonymous: bool = False
    root: Node | None = None
    password_changes: int = 0

    @property
    def drive(self) -> Node:
        """The root of the user's own drive, which everyone but the anonymous user has."""
        assert self.root is not None
        return self.root

    @property
    def state_hash(self) -> str:
        """What refresh tokens are bound to: it changes with the password, even when set back."""
        state = f"{self.email}\0{self.password}\0{self.password_changes}"
        return hashlib.sha256(state.encode()).hexdigest()

    def change_password(self, password: str) -> None:
        """Set a password; every refresh token given so far dies."""
        self.password = password
        self.password_changes += 1

    def brief(self, *, with_email: bool = False) -> dict[str, Any]:
        """The few fields that others see."""
        view: dict[str, Any] = {"id": self.id}
        if with_email:
            view["email"] = self.email
        return view | {"nickname": self.nickname, "created_at": times.written(self.created_ns)}

    def view(self) -> dict[str, Any]:
        """The user object of sign-in and `/user/me`; false booleans are left out."""
        group = {"id": self.group.id, "name": self.group.name, "permission": self.group.permission}
        if self.anonymous:
            created = {"nickname": "", "created_at": times.never, "anonymous": True}
            return {"id": self.id, **created, "group": group}
        return {
            **self.brief(with_email=True),
            "status": self.status.value,
            "group": group
            | {"direct_link_batch_size": self.group.direct_links, "trash_retention": 604800},
            "language": self.language,
        }
