"""Users and their drives."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.pds import times
from tests.emulators.pds.tree import BIN, Node

if TYPE_CHECKING:
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tree import Tree

_MS = 1_000_000


@dataclass(slots=True, kw_only=True, eq=False)
class Drive:
    """One drive: a root and a recycle bin."""

    drive_id: str
    name: str
    category: str
    root: Node
    owner: User
    bin: Node = field(default_factory=lambda: Node(BIN, BIN, is_folder=True, time_ns=0))

    def holds(self, node: Node) -> bool:
        """Whether a node is in this drive or in its bin."""
        return node.top in (self.root, self.bin)

    def view(self, tree: Tree, settings: Settings, domain_id: str) -> dict[str, Any]:
        """The drive as the API shows it (PDS §3, Aliyundrive §5)."""
        drive_id: str | int = self.drive_id
        return {
            "domain_id": domain_id,
            "drive_id": int(drive_id) if settings.on("numeric-ids") else drive_id,
            "drive_name": self.name,
            "drive_type": "normal",
            "description": "",
            "creator": self.owner.user_id,
            "owner": self.owner.user_id,
            "owner_type": "user",
            "status": "enabled",
            "category": self.category,
            "created_at": times.written(self.root.created_ns),
            "encrypt_mode": "none",
            "encrypt_data_access": False,
            "store_id": hashlib.md5(self.drive_id.encode()).hexdigest(),
            "relative_path": "",
            "used_size": tree.size(self.root) + tree.size(self.bin),
            "total_size": settings.capacity_bytes,
        }


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    """A member of the domain."""

    user_id: str
    name: str
    nick: str
    domain_id: str
    phone: str = "13512345736"
    role: str = "user"
    drives: dict[str, Drive] = field(default_factory=dict)

    @classmethod
    def make(cls, name: str, nick: str, domain_id: str) -> User:
        """A member whose id follows from the name."""
        user_id = hashlib.md5(f"{domain_id}/{name}".encode()).hexdigest()
        return cls(user_id=user_id, name=name, nick=nick, domain_id=domain_id)

    def give(self, drive_id: str, name: str, category: str, root: Node) -> Drive:
        """Give this member another drive."""
        drive = Drive(drive_id=drive_id, name=name, category=category, root=root, owner=self)
        self.drives[drive_id] = drive
        return drive

    def drive(self, category: str) -> Drive | None:
        """The first drive of a category."""
        return next((one for one in self.drives.values() if one.category == category), None)

    @property
    def default(self) -> Drive:
        """The drive that everybody has; Aliyundrive calls it the backup drive."""
        return next(iter(self.drives.values()))

    def view(self) -> dict[str, Any]:
        """The answer of `/v2/user/get`: times are numbers of milliseconds (PDS §3)."""
        now = time.time_ns() // _MS
        resource = self.drive("resource")
        return {
            "domain_id": self.domain_id,
            "user_id": self.user_id,
            "avatar": "https://img.test/avatar.png",
            "created_at": self.default.root.created_ns // _MS,
            "updated_at": self.default.root.created_ns // _MS,
            "last_login_time": now,
            "expired_at": None,
            "email": "",
            "nick_name": self.nick,
            "user_name": self.name,
            "phone": self.phone,
            "role": self.role,
            "status": "enabled",
            "description": "",
            "creator": "",
            "user_data": {},
            "default_drive_id": self.default.drive_id,
            "resource_drive_id": resource.drive_id if resource is not None else "",
            "backup_drive_id": self.default.drive_id,
        }

    @property
    def masked_phone(self) -> str:
        """The phone as others see it."""
        return f"{self.phone[:3]}***{self.phone[-3:]}"

    @property
    def masked_name(self) -> str:
        """The nick name as others see it."""
        return f"{self.nick[:1]}***"
