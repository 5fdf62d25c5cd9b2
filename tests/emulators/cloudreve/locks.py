"""Locks: who is busy with a path, and the conflict that everyone else meets.

Source: wire Cloudreve V4 §10.4, §10.5 (server of 2025-06-21).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve.envelope import Refused

if TYPE_CHECKING:
    from tests.emulators.cloudreve.tree import Node
    from tests.emulators.cloudreve.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One held path; whoever knows the token may break it."""

    token: str
    node: Node
    uri: str
    owner: User
    application: str

    def shown_to(self, user: User) -> dict[str, Any]:
        """How a conflict tells of it; the token is blank for everyone but its owner."""
        return {
            "path": self.uri,
            "token": self.token if user is self.owner else "",
            "owner": {"application": {"type": self.application}},
            "type": 0,
        }


class Locks:
    """The locks that outlive a call: those of uploads."""

    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}

    def hold(self, node: Node, uri: str, owner: User, application: str) -> Lock:
        """Lock a node until it is released or broken."""
        lock = Lock(
            token=str(uuid.uuid4()), node=node, uri=uri, owner=owner, application=application
        )
        self._locks[lock.token] = lock
        return lock

    def holds(self, lock: Lock) -> bool:
        """Whether a lock still stands."""
        return lock.token in self._locks

    def release(self, lock: Lock) -> None:
        """Give a lock up; one that was broken is no error."""
        self._locks.pop(lock.token, None)

    def check(self, node: Node, user: User) -> None:
        """Raise Refused 40073 when the node or anything below it is locked."""
        held = [lock for lock in self._locks.values() if node in _lineage(lock.node)]
        if held:
            raise conflict([lock.shown_to(user) for lock in held])

    def break_all(self, tokens: list[str]) -> None:
        """Break locks by token, whoever asks; raises Refused 40001 for an unknown one."""
        if not all(token in self._locks for token in tokens):
            raise Refused(40001, "failed to unlock file")
        for token in tokens:
            del self._locks[token]

    def forget_all(self) -> None:
        """Lose every lock, as a restart of the server does (§10.3)."""
        self._locks.clear()


def conflict(held: list[dict[str, Any]]) -> Refused:
    """40073 with what is held."""
    return Refused(40073, "Lock conflict", data=held)


def momentary(uri: str, application: str) -> dict[str, Any]:
    """A lock that a call runs into although it is its own (a move into the same folder, §9)."""
    owner = {"application": {"type": application}}
    return {"path": uri, "token": str(uuid.uuid4()), "owner": owner, "type": 0}


def _lineage(node: Node) -> list[Node]:
    return [node, *node.lineage()]
