"""What a script of the peers is written with; runs in their environments, so stdlib only."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import traceback
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DOOR_S = 10.0


class Peer:
    """The emulator that a script meets: its line of JSON, and its control door."""

    def __init__(self) -> None:
        self.line: dict[str, Any] = json.loads(os.environ["EMULATOR"])
        self.address: str = self.line["address"]

    def ask(self, path: str) -> dict[str, Any]:
        """What the control door knows: `/stats`, `/faults`."""
        return self._door("GET", path, None)

    def tell(self, path: str, wish: dict[str, Any] | None = None) -> dict[str, Any]:
        """Use the control door; raises urllib.error.HTTPError when the wish makes no sense."""
        return self._door("POST", path, json.dumps(wish or {}).encode())

    def _door(self, method: str, path: str, data: bytes | None) -> dict[str, Any]:
        request = urllib.request.Request(self.line["control"] + path, data=data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_DOOR_S) as answer:
            return json.load(answer)


class Checks:
    """The checks of one script, in the order they are written; each is one line of output."""

    def __init__(self) -> None:
        self._checks: list[tuple[str, Callable[[], Any]]] = []

    def __call__(self, sentence: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
        """Make the decorated function a check; a coroutine function is run with asyncio."""

        def add(function: Callable[[], Any]) -> Callable[[], Any]:
            self._checks.append((sentence, function))
            return function

        return add

    def end(self) -> NoReturn:
        """Run all and end the process, with whatever threads and finalizers a client left in it."""
        code = self.run()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def run(self) -> int:
        """Run all; gives 1 when one failed or when there is none, else 0."""
        failed = 0 if self._checks else 1
        for sentence, function in self._checks:
            try:
                if inspect.iscoroutinefunction(function):
                    asyncio.run(function())
                else:
                    function()
            except Exception as exc:  # noqa: BLE001, a foreign client raises what it likes
                failed = 1
                print(f"FAILED {sentence}: {type(exc).__name__}: {exc}", flush=True)
                traceback.print_exc(file=sys.stderr)
            else:
                print(f"ok {sentence}", flush=True)
        return failed


@contextmanager
def refused(kind: type[Exception], *parts: str) -> Iterator[None]:
    """The block raises this, and its text contains these parts."""
    try:
        yield
    except kind as exc:
        missing = [part for part in parts if part not in f"{exc!r} {exc}"]
        if missing:
            raise AssertionError(f"{exc!r} has no {missing}") from exc
    else:
        raise AssertionError(f"no {kind.__name__}")
