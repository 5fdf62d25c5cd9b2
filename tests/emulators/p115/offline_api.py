"""The calls about downloads into the drive, on the new host and on the old one.

Source: wire 115 §9.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from tests.emulators.p115 import envelope, m115
from tests.emulators.p115.envelope import respond
from tests.emulators.p115.link_api import opened
from tests.emulators.p115.offline import DONE, FAILED, QUEUED, RUNNING, TEXTS, Task
from tests.emulators.p115.routes import Route

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.messages import Response
    from tests.emulators.p115.offline import Offline
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.tree import Tree

_ROWS = 30
_PARAMETERS = 1001
_STATES = {11: (DONE,), 9: (FAILED,), 12: (QUEUED, RUNNING)}


class OfflineApi:
    """Handlers of `clouddownload` and `lixian`; `ac` says what is wished."""

    def __init__(self, offline: Offline, tree: Tree, settings: Settings, clock: Clock) -> None:
        self._offline = offline
        self._tree = tree
        self._settings = settings
        self._clock = clock

    def routes(self) -> list[Route]:
        """Where they are."""
        at = Route.to
        return [
            at("clouddownload.115.com/lixianssp", "offline", self._sealed),
            at("lixian.115.com/lixianssp", "offline", self._sealed),
            at("clouddownload.115.com/web", "offline", self._plain),
            at("lixian.115.com/lixian", "offline", self._plain),
            at("115.com/", "offline", self._sign, "GET"),
        ]

    def _sealed(self, call: Call) -> Response:
        """The form with the cipher, all of whose values must be text."""
        _signed(call)
        wish, seed = opened(call)
        if not all(isinstance(value, str) for value in wish.values()):
            raise envelope.offline(_PARAMETERS, "参数错误")
        if wish.get("ac", call.text("ac")) != "add_task_urls":
            raise envelope.offline(_PARAMETERS, "参数错误")
        urls = [value for name, value in wish.items() if name.startswith("url[")]
        inner = self._added(urls, wish.get("wp_path_id", ""))
        plain = json.dumps(inner, separators=(",", ":")).encode()
        sealed = m115.seal_answer(plain, seed)
        return respond({**_outcome(inner), "data": sealed})

    def _plain(self, call: Call) -> Response:
        _signed(call)
        match call.text("ac"):
            case "add_task_url" | "add_task_urls":
                if (call.text("sign"), call.text("time")) != self._signature(call.text("time")):
                    raise envelope.offline(_PARAMETERS, "参数错误")
                return respond(self._added(call.many("url"), call.text("wp_path_id")))
            case "task_lists":
                return respond(self._listed(call))
            case "task_del":
                self._offline.remove(call.many("hash"), with_files=call.number("flag") == 1)
            case "task_clear":
                self._offline.clear(call.number("flag"))
            case "get_quota_info" | "get_quota_package_info" | "get_quota_package_array":
                return respond({"state": True, "errno": 0, "errcode": 0, **self._quota()})
            case _:
                raise envelope.offline(_PARAMETERS, "参数错误")
        return respond({"state": True, "errno": 0, "errcode": 0, "error_msg": ""})

    def _sign(self, call: Call) -> Response:
        _signed(call)
        if (call.text("ac"), call.text("ct") in ("clouddownload", "offline")) != ("space", True):
            raise envelope.web(980006, "404 Not Found")
        sign, time = self._signature(str(int(self._clock.now())))
        return respond({"state": True, "sign": sign, "time": int(time), "data": 0, "size": ""})

    def _signature(self, time: str) -> tuple[str, str]:
        return hashlib.md5(f"offline {time}".encode()).hexdigest(), time

    def _added(self, urls: list[str], folder: str) -> dict[str, Any]:
        results = [self._result(url, self._offline.add(url, folder)) for url in urls]
        if not results:
            raise envelope.offline(_PARAMETERS, "请输入链接")
        wrong = next((one["errcode"] for one in results if not one["state"]), 0)
        state = any(one["state"] for one in results)
        code = 0 if state else wrong
        return {"state": state, "errno": code, "errcode": code, "result": results}

    def _result(self, url: str, done: Task | int) -> dict[str, Any]:
        if isinstance(done, Task):
            own = {"info_hash": done.info_hash, "name": done.name, "files": []}
            return {"state": True, "errno": 0, "errcode": 0, "errtype": "suc", "url": url, **own}
        wrong = {"errno": done, "errcode": done, "errtype": "war", "error_msg": TEXTS[done]}
        known = hashlib.sha1(url.strip().encode()).hexdigest()
        return {"state": False, **wrong, "info_hash": known, "url": url}

    def _listed(self, call: Call) -> dict[str, Any]:
        wanted = _STATES.get(call.number("stat"))
        tasks = [task for task in self._offline.tasks if wanted is None or task.status in wanted]
        size = max(1, call.number("page_size", _ROWS))
        page = max(1, call.number("page", 1))
        start = (page - 1) * size
        return {
            "state": True,
            "errno": 0,
            "errcode": 0,
            "page": page,
            "page_count": -(-len(tasks) // size),
            "page_row": size,
            "count": len(tasks),
            "quota": self._offline.left,
            "total": self._settings.offline_quota,
            "tasks": [self._shown(task) for task in tasks[start : start + size]],
        }

    def _shown(self, task: Task) -> dict[str, Any]:
        parent = task.result.parent if task.result is not None else task.folder
        brought = str(task.result.id) if task.result is not None else ""
        running = task.status == RUNNING
        return {
            "info_hash": task.info_hash,
            "name": task.name,
            "size": task.size,
            "url": task.url,
            "add_time": int(task.added),
            "peers": 3 if running else 0,
            "rateDownload": 123456.5 if running else 0,
            "status": task.status,
            "percentDone": round(task.part * 100, 2),
            "last_update": int(self._clock.now()),
            "left_time": int(self._settings.offline_s * (1 - task.part)),
            # py115 takes a result whose two ids agree for a folder.
            "file_id": brought if task.is_folder else str(parent.id) if parent else "",
            "delete_file_id": brought,
            "wp_path_id": str(parent.id) if parent is not None else "",
            "move": int(task.status == DONE),
        }

    def _quota(self) -> dict[str, Any]:
        total, left = self._settings.offline_quota, self._offline.left
        package = {"name": "每月配额", "count": total, "used": self._offline.used, "surplus": left}
        counts = {"count": total, "used": self._offline.used, "surplus": left}
        return {**counts, "quota": left, "total": total, "package": [package]}


def _signed(call: Call) -> None:
    if call.session is None:
        raise envelope.offline(99, "请重新登录")


def _outcome(inner: dict[str, Any]) -> dict[str, Any]:
    return {name: inner[name] for name in ("state", "errno", "errcode")}
