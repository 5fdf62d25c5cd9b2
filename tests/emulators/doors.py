"""How tests start an emulator: in their own process, or in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.emulators.running import Emulator, open_arguments, parser

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Iterator

_PROJECT = Path(__file__).parents[2]
_END_S = 10.0


@asynccontextmanager
async def open_emulator(
    root: str | os.PathLike[str], *options: str, provider: str = "cloudreve"
) -> AsyncIterator[Emulator]:
    """Run an emulator over `root` in this trio program, until the block ends.

    Args:
        root: the directory to serve.
        options: command line options, as `python -m tests.emulators PROVIDER --help` lists them.
        provider: which one.
    """
    arguments = parser().parse_args([provider, "--root", str(root), *options])
    async with open_arguments(arguments) as emulator:
        yield emulator


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningEmulator:
    """An emulator in a process of its own; `line` is what it printed when it was ready."""

    line: dict[str, Any]
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        """Where the provider is reached."""
        return self.line["address"]

    @property
    def source(self) -> str:
        """The SOURCE that mounts the served tree."""
        return self.line["source"]

    @property
    def config(self) -> str:
        """The configuration file with a signed-in remote."""
        return self.line["config"]

    @property
    def options(self) -> str:
        """Mount options that SOURCE needs."""
        return self.line["options"]

    def ask(self, method: str, path: str, wish: dict[str, Any] | None = None) -> dict[str, Any]:
        """Use the control door; raises urllib.error.HTTPError when the wish makes no sense."""
        data = None if wish is None else json.dumps(wish).encode()
        request = urllib.request.Request(self.line["control"] + path, data=data, method=method)
        # Proxies of the environment know nothing of loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_END_S) as answer:
            return json.load(answer)

    def stats(self) -> dict[str, dict[str, int]]:
        """What was asked so far, by kind of request."""
        return self.ask("GET", "/stats")

    def requests(self) -> dict[str, int]:
        """Return how often it was asked what since the last reset."""
        return self.stats()["requests"]

    def reset(self) -> None:
        """Begin to count anew."""
        self.ask("POST", "/reset", {})

    def fault(self, action: str, **details: Any) -> None:
        """Let something go wrong; the details are the fields of `faults.Fault`."""
        self.ask("POST", "/faults", {"action": action, **details})

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self.ask("DELETE", "/faults")


@contextmanager
def run_emulator(
    root: str | os.PathLike[str], *options: str, provider: str = "cloudreve"
) -> Iterator[RunningEmulator]:
    """Run an emulator over `root` in its own process, until the block ends.

    It also ends when this process dies, since its standard input is a pipe from here.
    """
    command = [sys.executable, "-m", "tests.emulators", provider, "--root", str(root)]
    process = subprocess.Popen(
        [*command, "--until-stdin-closes", *options],
        cwd=_PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the emulator did not start: exit code {process.wait(_END_S)}")
        yield RunningEmulator(line=json.loads(line), process=process)
    finally:
        process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
