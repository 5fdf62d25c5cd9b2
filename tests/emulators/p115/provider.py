"""The emulator's command line, what it tells when ready, and its control verbs.

`p115`, `p115_share` and `p115_open` are one service; they differ in what they tell to mount.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from tests.emulators.p115 import ec115, m115
from tests.emulators.p115.open_auth import CLIENT_ID
from tests.emulators.p115.sessions import USER_ID
from tests.emulators.p115.settings import SWITCHES, Settings
from tests.emulators.p115.shares import CODES, STATES
from tests.emulators.p115.site import Site
from tests.emulators.p115.spelling import MODES
from tests.emulators.provider import Ready

if TYPE_CHECKING:
    from tests.emulators.p115.shares import Share
    from tests.emulators.p115.tree import Node

# Shares that are in another state from the start: the key of the line that tells their link.
_OTHER_SHARES = ("expired", "cancelled", "review", "blocked", "missing", "removed")
_FIXED = frozenset({"address", "switches"})
_ADJUSTABLE = [one.name for one in dataclasses.fields(Settings) if one.name not in _FIXED]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the service can be asked to be."""
    add = parser.add_argument
    add("--share-password", default="a1b2", help="the receive code of the share; empty for none")
    add("--share-file", help="the file below DIR of the one-file share; default: the first one")
    add("--spelling", default="usual", choices=MODES, help="numbers that may be text")
    add("--access-life", type=float, default=7200.0, help="seconds an access token lives")
    add("--link-life", type=float, default=10800.0, help="seconds a link to content lives")
    add("--max-page-size", type=int, default=1150, help="the largest page of a listing")
    add("--speed-limit", type=float, default=0.0, help="bytes per second of a link; 0: none")
    add(
        "--defect",
        action="append",
        default=[],
        type=_switch_named,
        metavar="NAME",
        help=f"switch a trap on, or off with no-NAME: {', '.join(SWITCHES)}",
    )


def _switch_named(text: str) -> tuple[str, bool]:
    """A switch and whether it is to be on; argparse tells of the ValueError."""
    name = text.removeprefix("no-")
    if name not in SWITCHES:
        raise argparse.ArgumentTypeError(f"there is no switch {name!r}")
    return name, name == text


def make(arguments: argparse.Namespace) -> P115Provider:
    """Make the service with the cookie drive to mount."""
    return P115Provider(arguments, "p115")


class P115Provider(Site):
    """The service with the shares that every emulator starts with."""

    def __init__(self, arguments: argparse.Namespace, shown: str) -> None:
        settings = Settings(
            origin=arguments.origin.rstrip("/") if arguments.origin else None,
            spelling=arguments.spelling,
            access_life_s=arguments.access_life,
            link_life_s=arguments.link_life,
            largest_page=arguments.max_page_size,
            speed_limit=arguments.speed_limit,
        )
        for name, on in arguments.defect:
            settings.switch(name, on=on)
        super().__init__(arguments.root, settings)
        self._shown = shown
        code = arguments.share_password
        self.main_share = self.shares.make("main", code, self.published)
        self.file_share: Share | None = None
        file = self._file_to_share(arguments.share_file)
        if file is not None:
            self.file_share = self.shares.make("file", code, self.published)
            self.file_share.only = file
        self.other_shares = {
            state: self.shares.make(state, code, self.published, state=state)
            for state in _OTHER_SHARES
        }
        self.own_share = self.shares.make("own", code, self.tree.root)
        self.own_share.own = True

    def start(self, address: str) -> Ready:
        """Take note of the address, which links carry from now on."""
        self.settings.address = address
        hosts = f"{address}/{{host}}"
        cipher = {"rsa_modulus": f"{m115.MODULUS:x}"}
        cookie = self.sessions.first.header
        drive = {"driver": "p115", "hosts": hosts, **cipher, "cookie": cookie}
        share = {"driver": "p115_share", "hosts": hosts, **cipher, "share": self.main_share.code}
        if self.main_share.receive_code:
            share["receive_code"] = self.main_share.receive_code
        login = self.tokens.sign_in()
        tokens = {"refresh_token": login.refresh_token, "access_token": login.access_token}
        platform = {"driver": "p115_open", "hosts": hosts, "client_id": CLIENT_ID, **tokens}
        options = f"hosts={hosts},rsa_modulus={cipher['rsa_modulus']}"
        shown = {
            "p115": Ready(source="demo", remotes={"demo": drive}),
            # A share is pasted; `demo` is a login that it may be given.
            "p115_share": Ready(
                source=self.main_share.link,
                options=options,
                remotes={"demo": drive, "shared": share, "signed": share | {"auth": "ref:demo"}},
            ),
            "p115_open": Ready(source="demo", remotes={"demo": platform}),
        }[self._shown]
        return dataclasses.replace(
            shown,
            more={
                "share": self.main_share.link,
                "share_code": self.main_share.code,
                "receive_code": self.main_share.receive_code,
                "share_file": self.file_share.link if self.file_share is not None else None,
                "own_share": self.own_share.link,
                "unknown": "https://115cdn.com/s/swzzzzzzzz9?password=a1b2",
                **{state: share.link for state, share in self.other_shares.items()},
                "share_options": options,
                "cookie": cookie,
                "user_id": USER_ID,
                "client_id": CLIENT_ID,
                "refresh_token": login.refresh_token,
                "access_token": login.access_token,
                "modulus": cipher["rsa_modulus"],
                "ec_public": ec115.PUBLIC.hex(),
                "root": self.root,
            },
        )

    def control(self, verb: str, wish: dict[str, Any]) -> Any:
        """Obey the control door; raises ValueError for what it does not know.

        expire    {"what": "links" | "link_cookies" | "cookie" | "access" | "refresh" | "app" (the
                   permission that the user gave it) | "all"}
        revive    the first login's cookies are good again
        switch    {"name": "order-refused", "on": true}, or {"order-refused": true, ...}
        settings  {"link_life_s": 5, ...}; of fields: {"spelled": {"share_state": "text"}}
        share     {"link": any link or code, default the main share's, "state": "expired" | ...,
                   "receive_code": "new"}
        block     {"form": "waf" | "captcha" | "too-frequent" | "margin" | "open-limit" | "status",
                   "family": "own" | "share" | "open" | "login" | "all", "seconds": 300, "host": "",
                   "path": "/files"}, for paths that end so
        limit     {"family": ..., "calls": 2, "seconds": 1, "form": "waf", "block_s": 300}
        heal      nothing is blocked any more
        qr        {"state": "scanned" | "confirmed" | "expired" | "cancelled" | "waiting"}
        add       {"path": "/a", "name": "x/y", "content": "..." or null for a folder,
                   "drive": "own" | "shared"}: an entry that no disk could hold
        mark      {"path": "/a/b", "flagged": 1, "incomplete": true, "starred": true}
        find      {"path": "/a/b", "drive": "own" | "shared"} tells id and pickcode
        remember  {"path": "/a", "order": "file_size", "is_asc": 1, "fc_mix": 0}
        """
        verbs = {
            "expire": self._expire,
            "revive": lambda _wish: self.sessions.revive(),
            "switch": self._switch,
            "settings": self._adjust,
            "share": self._change_share,
            "block": lambda wish: self.safety.block(**wish),
            "limit": lambda wish: self.safety.limit(**wish),
            "heal": lambda _wish: self.safety.heal(),
            "qr": lambda wish: {"uid": self.codes.decide(wish["state"], wish.get("uid", "")).uid},
            "add": self._add,
            "mark": self._mark,
            "find": self._find,
            "remember": self._remember,
        }
        if verb not in verbs:
            raise ValueError(f"no verb {verb!r}; there are {', '.join(verbs)}")
        self.offline.advance()
        return verbs[verb](wish)

    def _expire(self, wish: dict[str, Any]) -> dict[str, Any]:
        what = wish.get("what", "all")
        actions = {
            "links": self.links.expire,
            "link_cookies": self.links.expire_cookies,
            "cookie": self.sessions.end_all,
            "access": lambda: self.tokens.expire("access"),
            "refresh": lambda: self.tokens.expire("refresh"),
            "app": self.tokens.revoke,
        }
        if what != "all" and what not in actions:
            raise ValueError(f"cannot expire {what!r}; there are {', '.join(actions)}, all")
        for name, action in actions.items():
            if what in (name, "all"):
                action()
        return {}

    def _switch(self, wish: dict[str, Any]) -> dict[str, Any]:
        named = {wish["name"]: wish.get("on", True)} if "name" in wish else wish
        for name, on in named.items():
            self.settings.switch(name, on=bool(on))
        return {"on": sorted(self.settings.switches)}

    def _adjust(self, wish: dict[str, Any]) -> dict[str, Any]:
        for name, value in wish.items():
            if name not in _ADJUSTABLE:
                raise ValueError(f"no setting {name!r}; there are {', '.join(_ADJUSTABLE)}")
            is_tuple = isinstance(getattr(self.settings, name), tuple)
            setattr(self.settings, name, tuple(value) if is_tuple else value)
        return {name: getattr(self.settings, name) for name in _ADJUSTABLE}

    def _change_share(self, wish: dict[str, Any]) -> dict[str, Any]:
        share = self._share_of(wish.get("link"))
        state = wish.get("state", share.state)
        if state not in (*STATES, *CODES):
            raise ValueError(
                f"a share cannot be {state!r}; there are {', '.join((*STATES, *CODES))}"
            )
        share.state = state
        share.receive_code = wish.get("receive_code", share.receive_code)
        return {"link": share.link}

    def _share_of(self, link: str | None) -> Share:
        if link is None:
            return self.main_share
        code = link.partition("/s/")[2].partition("?")[0] or link
        if code not in self.shares.by_code:
            raise ValueError(f"no share {link!r}")
        return self.shares.by_code[code]

    def _drive(self, wish: dict[str, Any]) -> Node:
        return {"own": self.tree.root, "shared": self.published}[wish.get("drive", "own")]

    def _at(self, wish: dict[str, Any]) -> Node:
        return self.tree.find(wish.get("path", "/"), self._drive(wish))

    def _add(self, wish: dict[str, Any]) -> dict[str, Any]:
        content = wish.get("content")
        data = content.encode() if isinstance(content, str) else content
        node = self.tree.make(self._at(wish), wish["name"], self.clock.now_ns(), data)
        return {"id": str(node.id), "pickcode": node.pickcode}

    def _mark(self, wish: dict[str, Any]) -> dict[str, Any]:
        node = self._at(wish)
        node.flagged = wish.get("flagged", node.flagged)
        node.incomplete = wish.get("incomplete", node.incomplete)
        node.starred = wish.get("starred", node.starred)
        return {}

    def _find(self, wish: dict[str, Any]) -> dict[str, Any]:
        node = self._at(wish)
        ids = {"id": str(node.id), "pickcode": node.pickcode, "sha1": node.sha1}
        if self._drive(wish) is self.published:
            ids["share_id"] = str(self.main_share.id_of(node))
        return ids

    def _remember(self, wish: dict[str, Any]) -> dict[str, Any]:
        order = (wish["order"], int(wish.get("is_asc", 1)), int(wish.get("fc_mix", 0)))
        self._at(wish).remembered = order
        return {}

    def _file_to_share(self, path: str | None) -> Node | None:
        """The file of the one-file share: the named one, else the first file near the top."""
        if path is not None:
            return self.tree.find(path, self.published)
        self.tree.look(self.published)
        files = [node for node in self.published.children.values() if not node.is_folder]
        return min(files, key=lambda node: node.name, default=None)
