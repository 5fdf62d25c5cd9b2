"""Downloads that 115 does by itself: adding links, what became of them, what is left of the quota.

Pure requests and answers, and the ability over them (wire: 115 §9). Adding is encrypted as link
calls are; the rest is plain.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.p115 import codes, hosts
from fsmount.drivers.p115.calling import Caller
from fsmount.drivers.p115.entries import cid_of_entry
from fsmount.drivers.p115.links import new_key, opened, sealed_call
from fsmount.drivers.p115.options import CLIENT_VERSION
from fsmount.drivers.p115.refusals import Elsewhere
from fsmount.drivers.wire import Scalar
from fsmount.errors import FsmountError, NotFolder, NotSupported, ProtocolError, ProviderFault
from fsmount.model import Call, EntryId, OfflineQuota, OfflineState, OfflineTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.p115.cipher import M115
    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.model import Answer, Entry

TASKS_PER_PAGE = 30
MOST_PAGES = 200
"""More tasks than 115 remembers; bounds a list whose number of pages never ends."""

LINKS_PER_CALL = 15
"""Each call is one encrypted text; what more are added in one call nobody tells."""

_STATES = {
    -1: OfflineState.FAILED,
    0: OfflineState.WAITING,
    1: OfflineState.RUNNING,
    2: OfflineState.DONE,
}
_SCHEMES = ("http://", "https://", "ftp://", "magnet:", "ed2k://")


class Added(msgspec.Struct, frozen=True):
    """What became of one link."""

    state: Scalar = None
    errno: Scalar = None
    errcode: Scalar = None
    error_msg: Scalar = None
    info_hash: Scalar = None
    name: Scalar = None
    url: Scalar = None


class AddedAll(msgspec.Struct, frozen=True):
    """What became of several."""

    result: list[Added] | None = None
    errno: Scalar = None
    errcode: Scalar = None
    error_msg: Scalar = None


class Task(msgspec.Struct, frozen=True):
    """One task."""

    info_hash: Scalar
    name: Scalar = None
    url: Scalar = None
    size: Scalar = None
    status: Scalar = None
    percentDone: Scalar = None
    wp_path_id: Scalar = None
    add_time: Scalar = None


class Tasks(msgspec.Struct, frozen=True):
    """A page of tasks, without them."""

    tasks: list[msgspec.Raw] = []
    page: Scalar = None
    page_count: Scalar = None
    quota: Scalar = None
    total: Scalar = None


class Counts(msgspec.Struct, frozen=True):
    """A quota, whatever its numbers are called."""

    quota: Scalar = None
    total: Scalar = None
    surplus: Scalar = None
    count: Scalar = None


class Quota(msgspec.Struct, frozen=True):
    """A quota that may stand below ``data``."""

    data: Counts | list[msgspec.Raw] | Scalar = None
    quota: Scalar = None
    total: Scalar = None
    surplus: Scalar = None
    count: Scalar = None


class User(msgspec.Struct, frozen=True):
    """Whose login it is."""

    user_id: Scalar = None


class Nav(msgspec.Struct, frozen=True):
    """The answer about the user; its data is empty when logged out."""

    data: User | list[msgspec.Raw] | Scalar = None


def user_call(where: Hosts) -> Call:
    """Ask whose login it is."""
    params = {"ct": "ajax", "ac": "nav"}
    return Call(method="GET", url=where.url(hosts.ACCOUNT, "/"), params=params)


def read_user(answer: Answer) -> str:
    """Return the number of the account."""
    data = wire.decode(answer.body, Nav, "whose login it is").data
    user = wire.text(data.user_id) if isinstance(data, User) else ""
    if not user:
        raise ProtocolError("whose login it is: `user_id` is missing")
    return user


def add_call(
    where: Hosts,
    urls: Sequence[str],
    *,
    folder: str,
    user: str,
    cipher: M115,
    key: bytes,
    agent: str,
    old: bool = False,
) -> Call:
    """Have 115 fetch ``urls`` into ``folder`` ("" leaves it to 115); all values are texts."""
    what = {"ac": "add_task_urls", "app_ver": CLIENT_VERSION, "uid": user}
    if folder:
        what["wp_path_id"] = folder
    what |= {f"url[{index}]": url for index, url in enumerate(urls)}
    if old:
        call = sealed_call(where.url(hosts.OFFLINE_OLD, "/lixianssp/"), what, cipher, key, agent)
        return replace(call, params={"ac": "add_task_urls", **call.params})
    return sealed_call(where.url(hosts.OFFLINE, "/lixianssp/"), what, cipher, key, agent)


def read_added(
    answer: Answer, urls: Sequence[str], folder: str, *, cipher: M115, key: bytes
) -> list[OfflineTask | FsmountError]:
    """Return what became of ``urls``, in order; that a task exists already is as good as new."""
    body = opened(answer, cipher, key, "the answer to a new download")
    if not body.lstrip().startswith(b"{"):
        body = answer.body
    told = wire.decode(body, AddedAll, "the answer to a new download")
    if told.result is None:
        return [_refused(told.errcode or told.errno, told.error_msg)] * len(urls)
    if len(told.result) != len(urls):
        raise ProtocolError(
            f"the answer to a new download: {len(told.result)} came for {len(urls)} links"
        )
    return [_added(each, url, folder) for each, url in zip(told.result, urls, strict=True)]


def _added(told: Added, url: str, folder: str) -> OfflineTask | FsmountError:
    code = wire.whole(told.errcode) or wire.whole(told.errno) or 0
    ident = wire.text(told.info_hash)
    accepted = wire.truth(told.state) or code == codes.TASK_EXISTS
    if not accepted or not ident:
        return _refused(code, told.error_msg)
    return OfflineTask(
        id=ident,
        name=wire.text(told.name) or url,
        state=OfflineState.WAITING,
        folder=EntryId(folder),
    )


def _refused(code: Scalar, words: Scalar) -> FsmountError:
    number, text = wire.whole(code) or 0, wire.text(words)
    meaning = codes.meaning(number, text)
    told = f'code {number}: "{text}"' if text else f"code {number}"
    return meaning.kind(f"{meaning.sentence} ({told})", advice=meaning.advice)


def tasks_call(where: Hosts, page: int) -> Call:
    """Ask for a page of tasks, newest first."""
    params = {"ac": "task_lists", "page": str(page), "page_size": str(TASKS_PER_PAGE)}
    return Call(method="GET", url=where.url(hosts.OFFLINE, "/web/"), params=params)


def read_tasks(answer: Answer) -> tuple[list[OfflineTask], int]:
    """Return the tasks of a page, and how many pages there are."""
    found = wire.decode_rows(answer.body, Tasks, Task, path=("tasks",), what="the downloads")
    return [_task(row) for row in found.rows], wire.whole(found.document.page_count) or 1


def _task(row: Task) -> OfflineTask:
    state = _STATES.get(wire.whole(row.status) or 0, OfflineState.RUNNING)
    percent = _number(row.percentDone)
    added = wire.whole(row.add_time) or 0
    size = wire.whole(row.size)
    return OfflineTask(
        id=wire.text(row.info_hash),
        name=wire.text(row.name) or wire.text(row.url),
        state=state,
        progress=1.0 if state is OfflineState.DONE else min(max(percent / 100, 0.0), 1.0),
        size=size or None,  # 0 until it is known
        folder=EntryId(wire.text(row.wp_path_id)),
        added_ns=max(added, 0) * 1_000_000_000,
        reason="115 could not fetch it" if state is OfflineState.FAILED else "",
    )


def remove_call(where: Hosts, task: str, *, with_files: bool) -> Call:
    """Forget a task; ``flag`` 1 deletes what it brought as well."""
    form = {"ac": "task_del", "hash[0]": task, "flag": str(int(with_files))}
    return Call(
        method="POST", url=where.url(hosts.OFFLINE, "/web/"), params={"ac": "task_del"}, form=form
    )


def quota_call(where: Hosts) -> Call:
    """Ask how many downloads are left."""
    params = {"ac": "get_quota_info"}
    return Call(method="GET", url=where.url(hosts.OFFLINE, "/web/"), params=params)


def read_quota(answer: Answer) -> OfflineQuota | None:
    """Return how many downloads are left; None when the answer does not tell."""
    told = wire.decode(answer.body, Quota, "the quota of downloads")
    for counts in (told.data, told):
        if not isinstance(counts, Counts | Quota):
            continue
        left = wire.whole(counts.surplus)
        left = wire.whole(counts.quota) if left is None else left
        total = wire.whole(counts.count) if counts.surplus is not None else None
        total = wire.whole(counts.total) if total is None else total
        if left is not None:
            return OfflineQuota(left=max(left, 0), total=total)
    return None


def _number(value: Scalar) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return 0.0


class OfflineCalls(Caller):
    """The ability over these calls (``drivers.base.OfflineDownloads``); a part of the driver."""

    async def offline_add(
        self, links: Sequence[str], folder: Entry | None
    ) -> Sequence[OfflineTask | FsmountError]:
        """Have 115 fetch ``links``; see ``OfflineDownloads.offline_add``."""
        if folder is not None and not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        added: dict[int, OfflineTask | FsmountError] = {}
        taken = []
        for index, url in enumerate(links):
            if url.strip().lower().startswith(_SCHEMES):
                taken.append((index, url.strip()))
            else:
                added[index] = NotSupported(
                    "115 downloads http, https, ftp, magnet and ed2k links only"
                )
        if taken:
            user = read_user(await self._account.call("offline", user_call(self._where)))
            for start in range(0, len(taken), LINKS_PER_CALL):
                batch = taken[start : start + LINKS_PER_CALL]
                told = await self._add([url for _, url in batch], folder, user)
                added |= dict(zip((index for index, _ in batch), told, strict=True))
        return [added[index] for index in range(len(links))]

    async def _add(
        self, urls: Sequence[str], folder: Entry | None, user: str
    ) -> Sequence[OfflineTask | FsmountError]:
        key = new_key()
        place = "" if folder is None else cid_of_entry(folder)

        def asked(*, old: bool) -> Call:
            return add_call(
                self._where,
                urls,
                folder=place,
                user=user,
                cipher=self._cipher,
                key=key,
                agent=self._agent,
                old=old,
            )

        try:
            answer = await self._account.call("offline", asked(old=False))
        except Elsewhere:
            answer = await self._account.call("offline", asked(old=True))
        return read_added(answer, urls, place, cipher=self._cipher, key=key)

    async def offline_tasks(self) -> Sequence[OfflineTask]:
        """Return all tasks; see ``OfflineDownloads.offline_tasks``."""
        found: dict[str, OfflineTask] = {}
        for page in range(1, MOST_PAGES + 1):
            answer = await self._account.call("offline", tasks_call(self._where, page))
            tasks, pages = read_tasks(answer)
            found |= {task.id: task for task in tasks if task.id not in found}
            if page >= pages or not tasks:
                break
        return list(found.values())

    async def offline_remove(self, task: OfflineTask, *, with_files: bool = False) -> None:
        """Forget ``task``; see ``OfflineDownloads.offline_remove``."""
        call = remove_call(self._where, task.id, with_files=with_files)
        await self._account.call("offline", call)

    async def offline_quota(self) -> OfflineQuota:
        """Return how many tasks are left; see ``OfflineDownloads.offline_quota``.

        The list of tasks tells it as well, where the call for it tells something else.
        """
        quota = read_quota(await self._account.call("offline", quota_call(self._where)))
        if quota is None:
            quota = read_quota(await self._account.call("offline", tasks_call(self._where, 1)))
        if quota is None:
            raise ProviderFault("115 does not tell how many offline downloads are left")
        return quota
