"""Shares: what each shows, its states, and the ids that its content has there.

Source: wire 115 §6; the numbers of the states are of §6.2.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.emulators.p115 import envelope
from tests.emulators.p115.ids import number_of

if TYPE_CHECKING:
    from tests.emulators.p115.tree import Node, Tree

# States that a share answers with a success whose `share_state` tells (§6.2).
STATES = {
    "checking": 0,
    "fine": 1,
    "blocked": 2,
    "pornography": 3,
    "cancelled": 4,
    "deleted": 5,
    "violence": 6,
    "expired": 7,
    "review": 8,
}
# States that are refused with a code instead (§2.2).
CODES = {
    "cancelled-code": (4100010, "分享已取消"),
    "expired-code": (4100018, "分享已过期"),
    "closed": (4100000, "分享已关闭"),
    "missing": (4100026, "分享不存在或已删除"),
    "removed": (4100033, "分享因违规被删除"),
    "snapshot": (4100021, "分享快照生成中，请稍后"),
}
_REASONS = {
    "blocked": "该分享涉嫌侵权，已被屏蔽",
    "pornography": "该分享涉嫌违规，已被屏蔽",
    "violence": "该分享涉嫌违规，已被屏蔽",
    "cancelled": "分享者已取消分享",
    "deleted": "该分享已被删除",
    "expired": "链接已过期",
    "review": "分享审核中",
    "checking": "文件检查中",
}


@dataclass(slots=True, kw_only=True, eq=False)
class Share:
    """One share of what a folder holds; the folder itself is not an entry of it."""

    code: str
    receive_code: str
    folder: Node
    only: Node | None = None  # the one file that is shared
    state: str = "fine"
    own: bool = False  # the account that asks made it
    title: str = ""
    expires: int = -1
    received: set[int] = field(default_factory=set)
    known: dict[int, Node] = field(default_factory=dict)

    @property
    def link(self) -> str:
        """The link that people paste."""
        tail = f"?password={self.receive_code}" if self.receive_code else ""
        return f"https://115cdn.com/s/{self.code}{tail}"

    @property
    def number(self) -> int:
        """The `share_state` of answers that succeed."""
        return STATES.get(self.state, STATES["fine"])

    @property
    def reason(self) -> str:
        """Why it is not normal; "" when it is."""
        return _REASONS.get(self.state, "")

    def id_of(self, node: Node) -> int:
        """The id that a node has in this share; its top is 0."""
        if node is self.folder:
            return 0
        number = number_of("share", self.code, node.id)
        self.known[number] = node
        return number


class Shares:
    """All shares by code."""

    def __init__(self, tree: Tree, secret: str) -> None:
        self._tree = tree
        self._secret = secret
        self.by_code: dict[str, Share] = {}

    def make(self, name: str, receive_code: str, folder: Node, *, state: str = "fine") -> Share:
        """Share what a folder holds; `name` makes the code."""
        digest = hashlib.sha256(f"{self._secret}/share/{name}".encode()).hexdigest()
        code = f"sw{digest[:9]}"
        title = folder.name or "分享的文件"
        share = Share(code=code, receive_code=receive_code, folder=folder, title=title, state=state)
        self.by_code[code] = share
        return share

    def opened(self, code: str, receive_code: str) -> Share:
        """The share behind a code, for whoever knows its receive code; raises Refused."""
        share = self.by_code.get(code)
        if share is None:
            raise envelope.web(990002, "参数错误。")
        if share.state in CODES:
            raise envelope.web(*CODES[share.state], data={})
        if share.receive_code and not share.own and receive_code != share.receive_code:
            if not receive_code:
                raise envelope.web(4100012, "请输入访问码", data={"is_access": 0})
            raise envelope.web(4100008, "访问码错误", data={})
        return share

    def node(self, share: Share, number: int) -> Node | None:
        """What has this id in a share; None when nothing does or it left the share."""
        if number == 0:
            return share.folder
        node = share.known.get(number)
        if node is None:
            node = self._found(share, number)
        if node is None or self._tree.now(node.id) is not node:
            return None
        above = [share.folder, *node.lineage()] if share.folder.parent is None else node.lineage()
        return node if share.folder in above else None

    def entries(self, share: Share, folder: Node) -> list[Node]:
        """What a folder of a share holds."""
        if share.only is not None:
            return [share.only]
        self._tree.look(folder)
        return list(folder.children.values())

    def _found(self, share: Share, number: int) -> Node | None:
        """An id from before a restart: the tree is searched for it."""
        for node in self._tree.below(share.folder):
            if share.id_of(node) == number:
                return node
        return None
