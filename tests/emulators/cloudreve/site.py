"""The emulated Cloudreve V4 site: its parts put together, one request in, one response out."""

from __future__ import annotations

import hashlib
import os
import uuid
from typing import TYPE_CHECKING

from tests.emulators.clock import Clock
from tests.emulators.cloudreve.account_api import AccountApi
from tests.emulators.cloudreve.archives import Archives
from tests.emulators.cloudreve.captcha import Captchas
from tests.emulators.cloudreve.change_api import ChangeApi
from tests.emulators.cloudreve.changes import Changes
from tests.emulators.cloudreve.content import ContentDoor
from tests.emulators.cloudreve.envelope import UNCACHED, Panicked, Refused
from tests.emulators.cloudreve.file_api import FileApi
from tests.emulators.cloudreve.ids import IdSpace
from tests.emulators.cloudreve.info import Info
from tests.emulators.cloudreve.links import Links, Signer
from tests.emulators.cloudreve.listing import Listing
from tests.emulators.cloudreve.locks import Locks
from tests.emulators.cloudreve.places import Places
from tests.emulators.cloudreve.routes import Call, Route, Router
from tests.emulators.cloudreve.session import Sessions
from tests.emulators.cloudreve.share_api import ShareApi
from tests.emulators.cloudreve.shares import Shares
from tests.emulators.cloudreve.thumbs import Thumbs
from tests.emulators.cloudreve.tokens import Tokens
from tests.emulators.cloudreve.trash import Trash
from tests.emulators.cloudreve.tree import Tree
from tests.emulators.cloudreve.uploads import Uploads
from tests.emulators.cloudreve.users import Group, User
from tests.emulators.cloudreve.views import Views
from tests.emulators.counters import Counters
from tests.emulators.faults import Faults
from tests.emulators.messages import Request, Response, text_response
from tests.emulators.signing import Keyring

if TYPE_CHECKING:
    from tests.emulators.cloudreve.settings import Settings


class Site:
    """A Cloudreve server over one directory, with its owner, a second user and guests.

    Everything is public state on purpose: a test changes `settings`, `users`, `shares` or `clock`
    directly, a subprocess is changed through the control door.
    """

    def __init__(self, root: str, settings: Settings, *, email: str, password: str) -> None:
        self.settings = settings
        self.clock = Clock()
        self.faults = Faults()
        self.counters = Counters()
        self.root = root
        # Everything that outlives a restart of a real server follows from what is served.
        secret = hashlib.sha256(f"cloudreve emulator {root}".encode()).hexdigest()
        self.ids = {
            kind: IdSpace(kind, secret)
            for kind in ("file", "entity", "share", "user", "group", "policy", "source")
        }
        self.tree = Tree()
        now_ns = os.stat(root).st_mtime_ns
        groups = self.ids["group"]
        self.owner = User(
            id=self.ids["user"].encode(1),
            email=email,
            nickname=email.partition("@")[0],
            password=password,
            created_ns=now_ns,
            group=Group(
                id=groups.encode(1),
                name="Admin",
                permission="/RoB",
                direct_links=1000,
                may_archive=True,
                may_unlink=True,
            ),
            root=self.tree.new_root(root, now_ns),
        )
        self.second = User(
            id=self.ids["user"].encode(2),
            email="user2@example.test",
            nickname="user2",
            password="Second-Pass-2025",
            language="zh-CN",
            created_ns=now_ns,
            group=Group(id=groups.encode(2), name="User", permission="hAg=", direct_links=10),
            root=self.tree.new_root(None, now_ns),
        )
        # The root of a drive cannot be shared (§11), and the owner's root is the served tree: the
        # one who shares the whole of it has it as a folder in another drive.
        self.publisher = User(
            id=self.ids["user"].encode(3),
            email="publisher@example.test",
            nickname="publisher",
            password="Third-Pass-2025",
            created_ns=now_ns,
            group=self.second.group,
            root=self.tree.new_root(None, now_ns),
        )
        self.published = self.tree.new_node(
            os.path.basename(root) or "files", is_folder=True, time_ns=now_ns
        )
        self.published.directory = root
        self.publisher.drive.adopt(self.published)
        self.anonymous = User(
            id=self.ids["user"].encode(0),
            email="",
            nickname="",
            password="",
            created_ns=0,
            anonymous=True,
            group=Group(id=groups.encode(3), name="Anonymous", permission="gg=="),
        )
        self.users = {user.id: user for user in (self.owner, self.second, self.publisher)}
        self.captchas = Captchas()
        self.trash = Trash(self.tree, now_ns)
        self.shares = Shares(self.tree, self.trash, self.ids["share"], settings, self.clock)
        self.tokens = Tokens(self.users, self.anonymous, settings, self.clock, secret)
        self.signer = Signer(Keyring(f"{secret}/links"))
        self.locks = Locks()
        self.places = Places(self.tree, self.shares, self.trash)
        self.links = Links(
            self.tree,
            self.places,
            self.shares,
            self.ids["entity"],
            self.ids["source"],
            self.signer,
            settings,
            self.clock,
        )
        self.links.origin_root = root
        self.router = Router(self._routes(secret))

    def kind(self, request: Request) -> str:
        """How a request is counted and what faults call it."""
        found = self.router.find(request)
        return found[0].kind if found is not None else "other"

    def answer(self, request: Request) -> Response:
        """Answer one request as the real server would."""
        found = self.router.find(request)
        if found is None:
            return text_response(404, "404 page not found", "text/plain")
        route, parts = found
        user = self.anonymous
        if route.identified:
            try:
                user = self.tokens.user_of(request.headers.get("authorization"))
            except Refused as exc:
                refused = exc.response()
                del refused.headers["cache-control"]  # it is set by what comes after
                return refused
        try:
            return route.handler(Call(request=request, user=user, parts=parts))
        except Refused as exc:
            return exc.response()
        except Panicked:
            return Response(status=500, headers={"cache-control": UNCACHED})

    def refuse(self, code: int, message: str) -> Response:
        """An error envelope, for scripted faults."""
        return Refused(code, message).response()

    def _routes(self, secret: str) -> list[Route]:
        files, entities = self.ids["file"], self.ids["entity"]
        policy = self.ids["policy"].encode(1)
        settings, clock = self.settings, self.clock
        views = Views(files, entities, policy, self.shares, settings, clock)
        sessions = Sessions(self.users, self.tokens, self.captchas, settings, clock)
        instance = str(uuid.UUID(secret[:32]))
        account = AccountApi(sessions, self.tokens, self.captchas, self.tree, settings, instance)
        reading = FileApi(
            Listing(self.tree, self.places, self.trash, views, files, settings),
            Info(self.tree, self.places, views, files, settings, clock),
            self.links,
            ContentDoor(self.tree, entities, self.signer, settings, clock),
            Archives(self.tree, self.places, self.signer, settings, clock),
            Thumbs(self.tree, self.places, self.links, clock),
            self.counters,
        )
        sharing = ShareApi(self.shares, self.places)
        changes = Changes(self.tree, self.places, self.trash, self.locks, settings, clock)
        uploads = Uploads(self.tree, self.places, changes, self.locks, views, settings, clock)
        writing = ChangeApi(changes, uploads, self.locks, views)
        return [*account.routes(), *reading.routes(), *sharing.routes(), *writing.routes()]
