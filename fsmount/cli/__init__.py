"""The command line: one file per group of commands, each imported only when it is used.

``command.py`` has the table of commands and runs one; ``failures.py`` turns whatever happened into
one line and an exit code; ``parameters.py`` is what commands share; ``session.py`` opens a SOURCE
without a mount. ``fsmount --help`` and ``fsmount status`` import neither Trio nor httpx.
"""

from __future__ import annotations

__all__: list[str] = []
