"""Asynchronous tasks: work that is done only when it was asked about often enough.

Sources: PDS §6.3, Aliyundrive §8.1.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.pds import times
from tests.emulators.pds.errors import Refused, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.clock import Clock
    from tests.emulators.pds.settings import Settings


@dataclass(slots=True, kw_only=True)
class _Task:
    finish: Callable[[], None]
    polls_left: int
    started_ns: int
    count: int
    state: str = "Running"


class Tasks:
    """All tasks by id."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._tasks: dict[str, _Task] = {}

    def start(self, finish: Callable[[], None], count: int = 1) -> str:
        """Begin one, of `count` files; `finish` is called by the poll that finds it done."""
        task_id = uuid.uuid4().hex + uuid.uuid4().hex[:8]
        self._tasks[task_id] = _Task(
            finish=finish,
            polls_left=self._settings.async_polls,
            started_ns=self._clock.now_ns(),
            count=count,
        )
        return task_id

    def answer(self, task_id: Any) -> dict[str, Any]:
        """How far a task is; raises Refused 404."""
        if not isinstance(task_id, str) or not task_id:
            raise invalid("async_task_id")
        task = self._tasks.get(task_id)
        if task is None:
            raise Refused("NotFound.AsyncTask")
        if task.state == "Running":
            if task.polls_left > 0:
                task.polls_left -= 1
            elif self._settings.on("fail-tasks"):
                task.state = "Failed"
            else:
                task.finish()
                partial = self._settings.on("partial-tasks")
                task.state = "PartialSucceed" if partial else "Succeed"
        failed = task.state == "Failed"
        done = task.state != "Running"
        return {
            "async_task_id": task_id,
            "state": task.state,
            "status": task.state,
            "total_process": task.count,
            "consumed_process": task.count if done else 0,
            "skipped_process": 0,
            "failed_process": int(failed),
            "punished_file_count": 0,
            "error_code": "InternalError" if failed else "",
            "error_message": "the task failed" if failed else "",
            "err_code": 1 if failed else 0,
            "message": "",
            "category": "file",
            "task_type": "copy",
            "created_at": times.written(task.started_ns),
            "started_at": times.written(task.started_ns),
            "finished_at": times.written(self._clock.now_ns()) if done else "",
            "url": "",
        }
