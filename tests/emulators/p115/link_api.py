"""Links to files of the own drive, from every endpoint that hands them out.

Source: wire 115 §5.1, §0.11.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.emulators.p115 import envelope, hosts, m115
from tests.emulators.p115.envelope import respond
from tests.emulators.p115.file_api import by_pickcode
from tests.emulators.p115.links import AGENT, AGENT_AND_COOKIE
from tests.emulators.p115.routes import Route
from tests.emulators.p115.sessions import ANDROID_SLOTS, USER_ID

if TYPE_CHECKING:
    from tests.emulators.messages import Response
    from tests.emulators.p115.links import Links, Made
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.spelling import Spelling
    from tests.emulators.p115.tree import Node, Tree

VERSION = "36.2.28"
_BROWSER = re.compile(r"115Browser/([\d.]+)")
_LOGIN, _NO_PICKCODE, _UNKNOWN = 99, 50001, 50003
_TOO_BIG, _TOO_OLD, _REFUSED = 50028, 50029, 50038


class LinkApi:
    """Handlers of the `downurl` family, and the content host."""

    def __init__(self, tree: Tree, links: Links, settings: Settings, spelling: Spelling) -> None:
        self._tree = tree
        self._links = links
        self._settings = settings
        self._spelling = spelling
        self._calls = 0

    def routes(self) -> list[Route]:
        """Where they are."""
        at = Route.to
        return [
            at("proapi.115.com/app/chrome/downurl", "link", self._chrome, "POST"),
            at("proapi.115.com/os_windows/2.0/ufile/downurl", "link", self._desktop, "POST"),
            at("proapi.115.com/android/2.0/ufile/download", "link", self._android, "POST"),
            at("webapi.115.com/files/download", "link", self._web, "GET"),
            at("webapi.115.com/files/download", "link", self._web_sealed, "POST"),
            at("appversion.115.com/1/web/1.0/api/chrome", "version", self._version, "GET"),
            at("appversion.115.com/1/web/1.0/api/getMultiVer", "version", self._version, "GET"),
            at(f"{hosts.CDN}/**", "content", self._links.serve),
        ]

    def checked(self, agent: str) -> None:
        """Let a client whose User-Agent names an old version go no further."""
        match = _BROWSER.search(agent)
        if match is None or not self._settings.on("version-check"):
            return
        version = tuple(int(part) for part in match[1].split(".") if part)
        if version < self._settings.oldest_browser:
            raise envelope.link(_TOO_OLD, "您的客户端版本过低，请升级到最新版本")

    def entry(self, node: Node, made: Made | None) -> dict[str, Any]:
        """One item of a `downurl` answer; `url` is false for a folder."""
        url: Any = False
        if made is not None:
            url = {"url": made.url, "client": 1, "desc": None, "oss_id": f"oss/{node.sha1}"}
        return {
            "file_name": node.name,
            "file_size": self._spelling.text("file_size", node.size),
            "pick_code": node.pickcode,
            "sha1": node.sha1,
            "url": url,
        }

    def items(self, pickcodes: list[str], agent: str, bound: int) -> tuple[Any, tuple[str, ...]]:
        """The inner object of a `downurl` answer, and the cookies of its links."""
        found: dict[str, Any] = {}
        cookies: tuple[str, ...] = ()
        for pickcode in pickcodes:
            node = by_pickcode(self._tree, pickcode)
            if node is None:
                continue
            made = None if node.is_folder else self._linked(node, agent, bound)
            found[str(node.id)] = self.entry(node, made)
            cookies += made.cookies if made is not None else ()
        if found:
            return found, cookies
        if self._settings.on("link-empty"):
            return [], ()
        raise envelope.link(_UNKNOWN, "文件不存在或已删除")

    def _linked(self, node: Node, agent: str, bound: int) -> Made:
        if node.flagged:
            raise envelope.link(_REFUSED, "文件含有违规内容，无法下载")
        if node.incomplete:
            raise envelope.link(70004, "文件未上传完整")
        self._calls += 1
        if self._settings.on("link-transient") and self._calls % 2:
            raise envelope.link(_REFUSED, "")
        return self._links.make(node, agent, bound)

    def _chrome(self, call: Call) -> Response:
        wish, seed = self._opened(call)
        self.checked(call.agent)
        pickcodes = [part for part in str(wish.get("pickcode", "")).split(",") if part]
        if not pickcodes:
            raise envelope.link(_NO_PICKCODE, "pickcode不能为空")
        found, cookies = self.items(pickcodes, call.agent, AGENT_AND_COOKIE)
        return sealed(found, seed, cookies)

    def _desktop(self, call: Call) -> Response:
        """The whole call is sealed a second time, which `Site` sees to."""
        wish, seed = self._opened(call)
        pickcodes = [part for part in str(wish.get("pickcode", "")).split(",") if part]
        if any(pickcode.startswith("f") for pickcode in pickcodes):
            raise envelope.link(_UNKNOWN, "pickcode不正确")
        found, cookies = self.items(pickcodes, call.agent, AGENT)
        return sealed(found, seed, cookies)

    def _android(self, call: Call) -> Response:
        wish, seed = self._opened(call)
        slot = call.session.slot if call.session is not None else ""
        if self._settings.on("slot-check") and slot not in ANDROID_SLOTS:
            raise envelope.link(_LOGIN, "请重新登录")
        node = by_pickcode(self._tree, str(wish.get("pick_code", "")))
        if node is None or node.is_folder:
            raise envelope.link(_UNKNOWN, "文件不存在或已删除")
        made = self._linked(node, call.agent, AGENT_AND_COOKIE)
        return sealed({"url": made.url}, seed, made.cookies)

    def _web(self, call: Call) -> Response:
        if call.session is None:
            raise envelope.web(990001, "登录超时，请重新登录。")
        node = by_pickcode(self._tree, call.text("pickcode"))
        if node is None or node.is_folder:
            raise envelope.link(_UNKNOWN, "文件不存在或已删除")
        if node.size > self._settings.web_link_bytes:
            raise envelope.link(_TOO_BIG, "文件超出大小，请使用115浏览器下载")
        made = self._linked(node, call.agent, AGENT_AND_COOKIE)
        fields = self._web_fields(node, made)
        if call.number("dl"):
            once = self._links.make(node, call.agent, AGENT, uses=1)
            fields["file_url_302"] = once.url
        if self._settings.on("download-nested"):
            fields = {"data": fields}
        body = {"state": True, "msg": "", "errno": self._spelling.errno(), **fields}
        return respond(body, cookies=made.cookies)

    def _web_sealed(self, call: Call) -> Response:
        wish, seed = self._opened(call)
        node = by_pickcode(self._tree, str(wish.get("pickcode", "")))
        if node is None or node.is_folder:
            raise envelope.link(_UNKNOWN, "文件不存在或已删除")
        made = self._linked(node, call.agent, AGENT_AND_COOKIE)
        return sealed(self._web_fields(node, made), seed, made.cookies)

    def _web_fields(self, node: Node, made: Made) -> dict[str, Any]:
        return {
            "file_id": str(node.id),
            "file_name": node.name,
            "file_size": self._spelling.text("file_size", node.size),
            "file_url": made.url,
            "pickcode": node.pickcode,
            "user_id": USER_ID,
        }

    def _opened(self, call: Call) -> tuple[dict[str, Any], bytes]:
        if call.session is None:
            raise envelope.link(_LOGIN, "请重新登录", [])
        return opened(call)

    def _version(self, call: Call) -> Response:
        one = {"version_code": VERSION, "version_url": ""}
        # The second answer has other names for the same (py115 0.1.1).
        data = {"win": one, "PC-115chrome_x64": one}
        return respond({"state": 1, "code": 0, "message": "", "data": data})


def opened(call: Call) -> tuple[dict[str, Any], bytes]:
    """The JSON object in the form field `data`, and the key of its answer; raises Refused."""
    try:
        plain, seed = m115.open_request(call.text("data"))
        wish = json.loads(plain)
    except ValueError:
        raise envelope.link(_NO_PICKCODE, "参数错误") from None
    return (wish if isinstance(wish, dict) else {}), seed


def sealed(value: Any, seed: bytes, cookies: tuple[str, ...]) -> Response:
    plain = json.dumps(value, separators=(",", ":")).encode()
    body = {"state": True, "msg": "", "errno": 0, "data": m115.seal_answer(plain, seed)}
    return respond(body, cookies=cookies)
