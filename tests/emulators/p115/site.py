"""The emulated 115: its parts put together, one request in, one response out."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.emulators.clock import Clock
from tests.emulators.counters import Counters
from tests.emulators.faults import Faults
from tests.emulators.messages import Request, Response, text_response
from tests.emulators.p115 import envelope, hosts
from tests.emulators.p115.account_api import AccountApi
from tests.emulators.p115.change_api import ChangeApi
from tests.emulators.p115.changes import Changes
from tests.emulators.p115.ec115 import channel_of
from tests.emulators.p115.file_api import FileApi
from tests.emulators.p115.ids import number_of
from tests.emulators.p115.link_api import LinkApi
from tests.emulators.p115.links import Links
from tests.emulators.p115.listing import Listing
from tests.emulators.p115.offline import Offline
from tests.emulators.p115.offline_api import OfflineApi
from tests.emulators.p115.open_api import OpenApi
from tests.emulators.p115.open_auth import OpenAuth
from tests.emulators.p115.qr_codes import QrCodes
from tests.emulators.p115.routes import Route, Router
from tests.emulators.p115.safety import Safety
from tests.emulators.p115.sessions import USER_ID, Sessions
from tests.emulators.p115.share_api import ShareApi
from tests.emulators.p115.shares import Shares
from tests.emulators.p115.spelling import Spelling
from tests.emulators.p115.tokens import Tokens
from tests.emulators.p115.tree import Tree
from tests.emulators.p115.upload_api import UploadApi
from tests.emulators.p115.views import Views

if TYPE_CHECKING:
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.settings import Settings


class Site:
    """115 over one directory: the account's drive, another person's shares, the Open platform.

    Everything is public state on purpose: a test changes `settings`, `sessions`, `shares` or
    `clock` directly, a subprocess is changed through the control door.
    """

    def __init__(self, root: str, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.faults = Faults()
        self.counters = Counters()
        self.root = root
        # What outlives a restart of the service follows from what is served.
        secret = hashlib.sha256(f"115 emulator {root}".encode()).hexdigest()
        self.tree = Tree(root)
        # Another person's drive over the same directory: what is shared does not change with the
        # own drive, and its ids are others.
        self.published = self.tree.mirror(
            number_of("published"), os.path.basename(root) or "files", root
        )
        self.spelling = Spelling(settings)
        self.sessions = Sessions(self.clock, secret)
        self.codes = QrCodes(settings, self.clock, secret)
        self.links = Links(settings, self.clock, root, secret)
        self.shares = Shares(self.tree, secret)
        self.tokens = Tokens(settings, self.clock, secret)
        self.safety = Safety(settings, self.clock)
        self.changes = Changes(self.tree, settings, self.clock)
        self.offline = Offline(self.tree, settings, self.clock)
        self.router = Router(self._routes())

    def kind(self, request: Request) -> str:
        """How a request is counted and what faults call it."""
        found = self.router.find(request)
        return found[0].kind if found is not None else "other"

    def answer(self, request: Request) -> Response:
        """Answer one request as the service would: sealed, when `k_ec` says so (§11.3)."""
        token = request.query.get("k_ec")
        if token is None:
            return self._plain(request)
        try:
            channel = channel_of(token)
            opened = replace(request, body=channel.open(request.body))
        except ValueError:
            return envelope.web(990002, "参数错误。").response()
        response = self._plain(opened)
        if response.status != 200:
            return response
        sealed = channel.seal(
            b"".join(part for part in response.segments if isinstance(part, bytes))
        )
        return replace(response, segments=(sealed,))

    def _plain(self, request: Request) -> Response:
        found = self.router.find(request)
        if found is None:
            return self._nowhere(request)
        route, call = found
        call = replace(call, session=self.sessions.of(request.headers.get("cookie", "")))
        try:
            self.offline.advance()
            if route.host != hosts.CDN:
                self._guard(route, call)
            return route.handler(call)
        except (envelope.Refused, envelope.Blocked) as exc:
            return exc.response()

    def refuse(self, code: int, message: str) -> Response:
        """An error envelope with the code wherever some answer has it, for scripted faults."""
        numbers = dict.fromkeys(("errno", "errNo", "errcode", "code"), code)
        texts = dict.fromkeys(("error", "message", "msg", "error_msg"), message)
        return envelope.respond({"state": False, **numbers, **texts, "data": []})

    def _guard(self, route: Route, call: Call) -> None:
        settings, headers = self.settings, call.request.headers
        if settings.on("agent-wanted") and not call.agent:
            raise envelope.Blocked
        cookies = headers.get("cookie", "")
        if settings.on("semicolon-blocks") and cookies.rstrip().endswith(";"):
            raise envelope.Blocked
        self.safety.check(_family(route), call.host, call.request.path)

    def _nowhere(self, request: Request) -> Response:
        if hosts.place_of(request)[1] in hosts.KNOWN:
            return envelope.web(980006, "404 Not Found", request=request.path).response()
        return text_response(404, "404 page not found\n")

    def _routes(self) -> list[Route]:
        settings, spelling, clock, tree = self.settings, self.spelling, self.clock, self.tree
        views = Views(spelling, settings, USER_ID)
        listing = Listing(tree, settings, spelling)
        files = FileApi(tree, listing, views, settings, spelling)
        link_api = LinkApi(tree, self.links, settings, spelling)
        sharing = ShareApi(
            self.shares, tree, views, self.links, link_api, settings, spelling, clock
        )
        platform = OpenApi(self.tokens, tree, listing, views, files, link_api, settings, spelling)
        return [
            *AccountApi(self.sessions, self.codes, clock).routes(),
            *OpenAuth(self.tokens, self.codes).routes(),
            *platform.routes(),
            *link_api.routes(),
            *sharing.routes(),
            *files.routes(),
            *OfflineApi(self.offline, tree, settings, clock).routes(),
            *ChangeApi(self.changes, spelling).routes(),
            *UploadApi(tree, clock).routes(),
        ]


def _family(route: Route) -> str:
    """Which of the families that are blocked apart a route belongs to (§13)."""
    path = route.pattern.pattern
    if route.kind in ("login", "auth", "status", "version"):
        return "login"
    if "/open/" in path:
        return "open"
    return "share" if "/share/" in path else "own"
