"""A domain: its parts put together, one request in, one response out, and its control verbs.

`Site` is what PDS and Aliyundrive have in common; each adds its hosts, its routes and what it
checks before a handler is asked.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, ClassVar

from tests.emulators.clock import Clock
from tests.emulators.counters import Counters
from tests.emulators.faults import Faults
from tests.emulators.hosts import placed
from tests.emulators.pds.changes import Changes
from tests.emulators.pds.drives import User
from tests.emulators.pds.errors import Refused, gateway_error, scripted
from tests.emulators.pds.items import Items
from tests.emulators.pds.links import Links
from tests.emulators.pds.reach import Reach
from tests.emulators.pds.routes import Call, Router, json_body
from tests.emulators.pds.shares import Shares
from tests.emulators.pds.sharing import Sharing
from tests.emulators.pds.storage import Storage
from tests.emulators.pds.tasks import Tasks
from tests.emulators.pds.tokens import Tokens
from tests.emulators.pds.tree import Tree
from tests.emulators.pds.uploads import Uploads
from tests.emulators.pds.verbs import Verbs
from tests.emulators.signing import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.messages import Request, Response
    from tests.emulators.pds.batches import Batch
    from tests.emulators.pds.routes import Route
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.shares import Share
    from tests.emulators.pds.tokens import Session

DATA, NOTICE = "data", "notice"
_FORM = "application/x-www-form-urlencoded"


class Site:
    """A domain over one directory; everything is public state, for tests to change.

    Args:
        root: the served directory.
        settings: of the domain.
        domain_id: its name.
        hosts: each host name with the sort of host that it is.
        data_host: the one that links name.
    """

    # The sorts of token that routes of a sort of host take.
    tokens_of: ClassVar[dict[str, tuple[str, ...]]] = {}

    def __init__(
        self,
        root: str,
        settings: Settings,
        *,
        domain_id: str,
        hosts: dict[str, str],
        data_host: str,
    ) -> None:
        self.root = root
        self.settings = settings
        self.domain_id = domain_id
        self.hosts = hosts | {data_host: DATA}
        self.clock = Clock()
        self.faults = Faults()
        self.counters = Counters()
        self.address = ""
        secret = hashlib.sha256(f"{domain_id} emulator {root}".encode()).hexdigest()
        self.now_ns = os.stat(root).st_mtime_ns
        self.tree = Tree(secret)
        keys = Keyring(secret)
        self.links = Links(keys, settings, self.clock, data_host=data_host, root=root)
        self.items = Items(self.links, settings, domain_id)
        self.tokens = Tokens(settings, self.clock)
        self.shares = Shares(settings, self.clock)
        self.reach = Reach(self.tree, self.shares)
        self.tasks = Tasks(settings, self.clock)
        self.uploads = Uploads(self.tree, self.links, self.clock)
        self.storage = Storage(
            self.tree, self.links, self.uploads, settings, self.clock, self.counters
        )
        self.changes = Changes(self.tree, self.tasks, self.storage, settings, self.clock)
        self.sharing = Sharing(self.shares, self.reach, self.tree, self.clock)
        self.router = Router()
        self.batch: Batch | None = None
        self.owner = User.make("owner", "所有者", domain_id)
        self.publisher = User.make("publisher", "张三", domain_id)
        self.users = {user.user_id: user for user in (self.owner, self.publisher)}
        # What is published lives in a drive of its own over the same directory.
        published = self.tree.new_root(root, self.now_ns)
        self.publisher.give("2001", "Default", "backup", published)
        self.main_share = self._share_all()
        self.expired_share = self._share_all()
        self.expired_share.expired = True
        self.cancelled_share = self._share_all()
        self.cancelled_share.status = "disabled"

    def kind(self, request: Request) -> str:
        """How a request is counted and what faults call it."""
        sort, request = self._placed(request)
        if sort in (DATA, NOTICE):
            return "part" if request.method == "PUT" else "content"
        found = self.router.find(sort, request)
        if found is None:
            return "other"
        kind = found[0].kind
        if kind == "batch" and self.batch is not None:
            try:
                return self.batch.kind(json_body(request))
            except Refused:
                return kind
        return kind

    def answer(self, request: Request) -> Response:
        """Answer one request as the real service would."""
        sort, request = self._placed(request)
        if sort == DATA:
            return self.storage.answer(request)
        if sort == NOTICE:
            return self.storage.notice(request)
        found = self.router.find(sort, request)
        if found is None:
            return self.no_route(sort)
        route, parts = found
        try:
            return self._handled(route, request, parts)
        except Refused as exc:
            return self.refused(exc, sort or route.hosts[0])

    def refused(self, error: Refused, sort: str) -> Response:
        """The answer for an error, in the dialect of a sort of host."""
        return error.response()

    def no_route(self, sort: str) -> Response:
        """What a path without a handler is answered."""
        return gateway_error(404, "I404NF", "API not found")

    def refuse(self, code: int | str, message: str) -> Response:
        """An error answer for scripted faults; a code, or a shape of `errors.scripted`."""
        return scripted(str(code), message, self.settings.retry_after_ms)

    def admit(self, route: Route, call: Call) -> None:
        """Raise Refused when a call may not be answered now; a hook."""

    def _placed(self, request: Request) -> tuple[str, Request]:
        host, request = placed(request, self.hosts)
        return self.hosts.get(host, ""), request

    def _handled(self, route: Route, request: Request, parts: tuple[str, ...]) -> Response:
        body: dict[str, Any] = {}
        if request.method == "GET":
            body = dict(request.query)
        elif not request.headers.get("content-type", "").startswith(_FORM):
            body = json_body(request)
        needed = route.access == "login" or (route.access == "share" and not body.get("share_id"))
        call = Call(
            request=request,
            body=body,
            session=self._session(route, request, needed=needed),
            share_token=request.headers.get("x-share-token"),
            parts=parts,
        )
        self.admit(route, call)
        return route.handler(call)

    def _session(self, route: Route, request: Request, *, needed: bool) -> Session | None:
        """Who calls; where nobody has to, a bad token counts for none (PDS §1.1)."""
        try:
            text = request.headers.get("authorization")
            if text is None:
                raise Refused("AccessTokenInvalid")
            session = self.tokens.session(text)
            if session.kind not in self.tokens_of[route.hosts[0]]:
                raise Refused("AccessTokenInvalid")
        except Refused:
            if needed:
                raise
            return None
        return session

    def _share_all(self) -> Share:
        drive = self.publisher.default
        name = os.path.basename(self.root) or "files"
        share = self.shares.create(self.publisher, drive, [], name=name, follow=drive.root)
        share.created_ns = share.updated_ns = self.now_ns
        return share

    def control(self, verb: str, wish: dict[str, Any]) -> Any:
        """Obey the control door; raises ValueError for what it does not know."""
        verbs = self.verbs()
        if verb not in verbs:
            raise ValueError(f"no verb {verb!r}; there are {', '.join(verbs)}")
        return verbs[verb](wish)

    def verbs(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """The control verbs of every domain: those of `verbs.Verbs`."""
        return Verbs(self).table()
