"""Links to content: how they are signed, kept, handed out in batches, and made permanent.

Source: wire Cloudreve V4 §8 and the url_*, source_link_* recordings (server of 2025-06-21).
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from tests.emulators.cloudreve import batches, times
from tests.emulators.cloudreve.envelope import Refused
from tests.emulators.cloudreve.uris import encoded
from tests.emulators.disk import DiskContent
from tests.emulators.signing import Verdict

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.ids import IdSpace
    from tests.emulators.cloudreve.places import Place, Places
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.shares import Shares
    from tests.emulators.cloudreve.tree import Entity, Node, Tree
    from tests.emulators.cloudreve.users import User
    from tests.emulators.signing import Keyring

_NS = 1_000_000_000
CONTENT_PATH = "/api/v4/file/content"
SLAVE_PATH = "/api/v4/slave/file/content/0"


class Signer:
    """Signs paths until a time; only the path is covered, so a query may be changed (§8)."""

    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    def sign(self, path: str, expires_ns: int) -> str:
        """The value of the `sign` parameter for a decoded path."""
        moment = expires_ns // _NS
        mac = self._keys.sign(f"{path}:{moment}")
        return f"{base64.urlsafe_b64encode(mac).decode()}:{moment}"

    def expiry(self, path: str, sign: str) -> float:
        """When a signed path ends, in seconds since 1970; raises Refused 403 or 40071."""
        mac, colon, moment = sign.rpartition(":")
        if not colon or not (moment.isascii() and moment.isdigit()):
            raise Refused(403, "expire timestamp is missing")
        try:
            verdict = self._keys.check(f"{path}:{moment}", base64.urlsafe_b64decode(mac))
        except binascii.Error:
            verdict = Verdict.WRONG
        if verdict is Verdict.WRONG:
            raise Refused(40071, "invalid sign")
        return float(moment) if verdict is Verdict.GOOD else 0.0

    def expire_all(self) -> None:
        """Let every link that exists now be expired."""
        self._keys.expire_all()


class Links:
    """Makes links and remembers them while they live."""

    def __init__(
        self,
        tree: Tree,
        places: Places,
        shares: Shares,
        entity_ids: IdSpace,
        source_ids: IdSpace,
        signer: Signer,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._tree = tree
        self._places = places
        self._shares = shares
        self._entity_ids = entity_ids
        self._source_ids = source_ids
        self._signer = signer
        self._settings = settings
        self._clock = clock
        self._known: dict[tuple[str, bool], tuple[str, int]] = {}
        self._sources: dict[int, Node] = {}
        self.origin_root: str | None = None

    def answer(self, body: dict[str, Any], user: User) -> dict[str, Any]:
        """The `data` of `POST /file/url`; raises Refused 40074 or 40081."""
        uris = batches.read(body)
        if len(uris) > self._settings.max_batch:
            raise Refused(40074, "Too many URIs")
        ends: list[int] = []
        counted: set[int] = set()

        def one(place: Place) -> dict[str, str]:
            entity = self._entity(place, body.get("entity"))
            if place.share is not None and place.share.number not in counted:
                counted.add(place.share.number)  # calls count, cached or not (§11)
                self._shares.count_download(place.share)
            url, end_ns = self.link(
                entity,
                place.node.name,
                download=bool(body.get("download")),
                fresh=bool(body.get("no_cache")),
            )
            ends.append(end_ns)
            return {"url": url}

        if not body.get("skip_error"):
            urls = batches.each(uris, self._places, user, one)
        else:
            urls = []
            for uri in uris:
                try:
                    urls.append(one(self._places.find(uri, user)))
                except Refused:
                    urls.append({"url": ""})
        return {"urls": urls, "expires": times.written(min(ends)) if ends else None}

    def link(
        self, entity: Entity | None, name: str, *, download: bool, fresh: bool = False
    ) -> tuple[str, int]:
        """A link to an entity under a name, and its end in nanoseconds."""
        now_ns = self._clock.now_ns()
        end_ns = now_ns + round(self._settings.link_life_s * _NS)
        if self._settings.origin is not None and entity is not None:
            direct = self._at_origin(entity)
            if direct is not None:
                return direct, end_ns
        path = self._path(entity, name)
        known = self._known.get((path, download))
        margin_ns = round(self._settings.link_reuse_margin_s * _NS)
        if known is not None and not fresh and known[1] - now_ns > margin_ns:
            return known
        sign = quote(self._signer.sign(unquote(path), end_ns), safe="")
        query = f"download=true&sign={sign}" if download else f"sign={sign}"
        made = (f"{self._settings.site_url}{path}?{query}", end_ns)
        self._known[path, download] = made
        return made

    def expire(self) -> None:
        """Let every link that exists now be expired; the next call makes new ones."""
        self._known.clear()
        self._signer.expire_all()

    def sources(self, body: dict[str, Any], user: User) -> list[dict[str, str]]:
        """The `data` of `PUT /file/source`: permanent links, for the owner only."""

        def one(place: Place) -> dict[str, str]:
            if not place.owned:
                raise Refused(40082, "Only owner or administrator can perform this action")
            self._entity(place, None)
            self._sources[place.node.number] = place.node
            source = self._source_ids.encode(place.node.number)
            link = f"{self._settings.site_url}/f/{source}/{encoded(place.node.name)}"
            return {"link": link, "file_url": str(place.uri)}

        return batches.each(batches.read(body), self._places, user, one)

    def source(self, source_id: str) -> str:
        """Where a permanent link leads now; raises Refused 40001."""
        try:
            node = self._sources[self._source_ids.decode(source_id)]
        except (ValueError, KeyError):
            raise Refused(40001, "Failed to parse object ID") from None
        return self.link(node.primary, node.name, download=False)[0]

    def _entity(self, place: Place, wanted: str | None) -> Entity | None:
        node = place.node
        if node.is_folder:
            raise Refused(40077, "Entity not exist")
        if wanted is None or wanted == "":
            return node.primary
        for entity in node.entities:
            if self._entity_ids.encode(entity.number) == wanted:
                return entity
        raise Refused(40077, "Entity not exist")

    def _path(self, entity: Entity | None, name: str) -> str:
        entity_id = self._entity_ids.encode(0 if entity is None else entity.number)
        tail = f"{self._settings.speed_limit}/{encoded(name)}"
        if self._settings.on("constant-etag"):
            blob = base64.urlsafe_b64encode(f"uploads/1/{entity_id}".encode()).decode()
            return f"{SLAVE_PATH}/{blob}/{tail}"
        return f"{CONTENT_PATH}/{entity_id}/{tail}"

    def _at_origin(self, entity: Entity) -> str | None:
        """The same file on the other server, which serves the same directory."""
        if not isinstance(entity.content, DiskContent) or self.origin_root is None:
            return None
        relative = os.path.relpath(entity.content.path, self.origin_root)
        return f"{self._settings.origin}/{quote(relative)}"
