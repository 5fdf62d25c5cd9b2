"""The tree and the accounts that the Cloudreve recordings were made with, anew for each scene."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve.captcha import draw
from tests.emulators.cloudreve.settings import Settings
from tests.emulators.cloudreve.site import Site
from tests.emulators.messages import Request
from tests.emulators.replays.recording import Expectation, Replay

if TYPE_CHECKING:
    from tests.emulators.cloudreve.shares import Share
    from tests.emulators.cloudreve.tree import Node
    from tests.emulators.cloudreve.users import User
    from tests.emulators.messages import Response

FOLDER = Path(__file__).parents[2] / "recordings" / "cloudreve_v4"

_EXACT = """
    aggregated_error allowed_suffix anonymous app_promotion authn capability captcha_type chunk_size
    code completed disable_view_sync email expired file_url files folders is_cursor is_private
    language login_captcha max_batch_size max_page_size max_size mixed_type msg name nickname order
    order_direction owned page page_size password password_enabled path permission
    register_enabled relay remain_downloads shared single_file_view size source_type source_uri
    status storage_used sys:shared_redirect thumbnail total total_items two_fa_enabled type unlocked
    upload_id uri version_retention_enabled version_retention_max view visited webauthn_enabled
"""
EXPECTATION = Expectation(
    exact=frozenset(_EXACT.split()),
    # Thumbnails that failed and icons that were chosen have nothing to do with the answer.
    ignored=frozenset({"thumb:disabled", "customize:icon"}),
)
_UNICODE_FILES = (
    "100% real.txt",
    "amp&eq=.txt",
    "emoji 😀.txt",
    "hash#tag.txt",
    "plus+sign.txt",
    "quote'one.txt",
    "semi;colon,comma.txt",
    "spaces in name.txt",
    "Ünïcödé-NFC.txt",
    "中文 文件.txt",
)


def plant(root: Path) -> None:
    """Make the recorded tree on disk, names and sizes alike."""
    for folder in ("docs", "empty-folder", "big", "many", "pics", "unicode/目录 😀 100%"):
        (root / folder).mkdir(parents=True)
    (root / "docs/hello.txt").write_text("hello, cloudreve\n")
    (root / "docs/readme.md").write_bytes(b"r" * 180)
    (root / "docs/data.bin").write_bytes(bytes(100_000))
    with (root / "big/random300m.bin").open("wb") as file:
        file.truncate(314_572_800)
    for number in range(3000):
        (root / f"many/f{number:04}.txt").touch()
    for number in range(20):
        (root / f"many/small{number:02}.txt").write_bytes(b"s" * number * 100)
    deep = root / "n1/n2/n3/n4/n5/n6"
    deep.mkdir(parents=True)
    (deep / "deep.txt").write_text("deep\n")
    (root / "pics/gradient.png").write_bytes(draw("123456").ljust(102_936, b"\0"))
    (root / "pics/broken.jpg").write_bytes(b"not a jpeg")
    for name in _UNICODE_FILES:
        size = len(name.encode()) + len("content of ")
        (root / "unicode" / name).write_bytes(b"u" * size)


class World:
    """A fresh site over the recorded tree, and the replay that asks it."""

    def __init__(self, root: Path) -> None:
        settings = Settings(site_url="http://127.0.0.1:5212", chunk_bytes=1 << 20, otp="654928")
        self.site = Site(str(root), settings, email="admin@example.test", password="Wire-Pass-2025")
        self.replay = Replay(folder=FOLDER, answer=self.site.answer, expectation=EXPECTATION)
        self.make("empty.txt")
        stale = self.site.tokens.issue(self.site.owner)
        self.site.tokens.expire("access")
        owner = self.site.tokens.issue(self.site.owner)
        second = self.site.tokens.issue(self.site.second)
        policy = self.site.ids["policy"].encode(1)
        entity_0 = self.site.ids["entity"].encode(0)
        seeds = {
            "ACCESS_TOKEN_4": stale["access_token"],
            "ACCESS_TOKEN_7": second["access_token"],
            "9LTb": self.site.owner.id,
            "67UD": self.site.second.id,
        }
        for recorded in ("ACCESS_TOKEN_1", "ACCESS_TOKEN_2", "ACCESS_TOKEN_8", "ACCESS_TOKEN_9"):
            seeds[recorded] = owner["access_token"]
        seeds["JWT"] = owner["access_token"]
        for number in (3, 4, 6, 7):
            seeds[f"REFRESH_TOKEN_{number}"] = owner["refresh_token"]
        # The recordings come from two sets of data, and from policies of other types.
        seeds |= dict.fromkeys(("x7TV", "E1TQ", "ElCv"), policy)
        seeds |= dict.fromkeys(("EkH2", "8pHp"), entity_0)
        for recorded, ours in seeds.items():
            self.replay.learn(recorded, ours)

    def ask(self, method: str, target: str, body: Any = None, user: User | None = None) -> Response:
        """Send a request that was not recorded, as the owner unless another user is given."""
        token = self.site.tokens.issue(user or self.site.owner)["access_token"]
        content = Replay.encoded(body) if not isinstance(body, bytes) else body
        headers = {"authorization": f"Bearer {token}", "content-length": str(len(content))}
        return self.site.answer(Request.parse(method, target, headers, content))

    def node(self, path: str, user: User | None = None) -> Node:
        """A node of a drive, the owner's unless another user is given."""
        node = (user or self.site.owner).drive
        for name in path.split("/"):
            child = self.site.tree.child(node, name)
            assert child is not None, path
            node = child
        return node

    def make(
        self, path: str, content: bytes = b"", *, folder: bool = False, user: User | None = None
    ) -> Node:
        """Make a file or folder, and what is missing above it."""
        tree, now_ns = self.site.tree, self.site.clock.now_ns()
        node = (user or self.site.owner).drive
        *parents, last = path.split("/")
        for name in parents:
            child = tree.child(node, name)
            if child is None:
                child = tree.new_node(name, is_folder=True, time_ns=now_ns)
                node.adopt(child)
            node = child
        made = tree.new_node(last, is_folder=folder, time_ns=now_ns)
        node.adopt(made)
        if content:
            entity = tree.new_entity(content, now_ns)
            made.add(entity)
            made.show(entity, now_ns)
        return made

    def throw_away(self, path: str, *, for_good: bool = False) -> None:
        """Delete something of the owner's."""
        body = {"uris": [f"cloudreve://my/{path}"], "skip_soft_delete": for_good}
        self.ask("DELETE", "/api/v4/file", body)

    def share(self, recorded: str, path: str, **wish: object) -> Share:
        """Share something that the recordings know as `recorded`."""
        share = self.site.shares.create(self.site.owner, self.node(path), wish)
        self.replay.learn(recorded, share.id)
        return share

    def link(self, recorded: str, path: str, *, name: str | None = None) -> None:
        """A link to content that the recordings know by its path and query."""
        node = self.node(path)
        entity = node.primary if name is None else node.entities[0]
        url, _ = self.site.links.link(entity, name or node.name, download="download=" in recorded)
        self.replay.learn_link(self.site.settings.site_url + recorded, url)

    def begin_upload(self, recorded: str, path: str, size: int, lock: str = "") -> None:
        """Open an upload session that the recordings know by its id, and by its lock's token."""
        policy = self.site.ids["policy"].encode(1)
        body = {
            "uri": f"cloudreve://my/{path}",
            "size": size,
            "policy_id": policy,
            "entity_type": "version",
        }
        answer = self.ask("PUT", "/api/v4/file/upload", body)
        self.replay.learn(recorded, Replay.decoded(answer)["data"]["session_id"])
        if lock:
            held = self.ask("POST", "/api/v4/file/rename", body | {"new_name": "x"})
            self.replay.learn(lock, Replay.decoded(held)["data"][0]["token"])
