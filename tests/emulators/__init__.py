"""Emulated providers: real HTTP servers on loopback over a directory.

A request goes through `serving` (h11 on trio) and `running` (which applies the script of `faults`)
to a provider, a package such as `cloudreve`, that turns a `messages.Request` into a
`messages.Response` without knowing of sockets. `counters` and `clock` belong to every provider,
`control` is the door through which another process changes them, `ranges` answers Range headers,
`hosts` lets one port be many hosts, `signing` makes what was signed expire.
To add a provider: one line in `provider.PROVIDERS` and a module with `add_arguments` and `make`.

Three ways to use one:

* `python -m tests.emulators cloudreve --root DIR` from a shell;
* `async with open_emulator(root, "--share-password", "abcd") as emulator` inside a trio test, where
  `emulator.state` may be changed directly;
* `with run_emulator(root) as emulator` for tests with threads, processes and real mounts.
"""

from __future__ import annotations

from tests.emulators.doors import RunningEmulator, open_emulator, run_emulator
from tests.emulators.running import Emulator

__all__ = ["Emulator", "RunningEmulator", "open_emulator", "run_emulator"]
