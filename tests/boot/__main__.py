"""Boots the machine, and says whether all was as it should be.

Exit codes: 0 all was right, 1 something was not, 77 it cannot be tried here.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import TYPE_CHECKING

from tests.boot import container
from tests.boot.inside import ENDING, RESULTS

if TYPE_CHECKING:
    from pathlib import Path

SKIPPED = 77  # as automake's test driver has it

_BOOT_WITHIN_S = 240.0
_END_WITHIN_S = 15.0
_FILM_BYTES = 6 * 1024 * 1024

# Of a shutdown that was not clean.
_UNCLEAN = ("Failed unmounting", "timed out", "Killing process", "Failed with result 'timeout'")


def main() -> int:
    """Run the test; return the exit code."""
    if reason := container.impossible():
        print(f"boot-test: SKIPPED, nothing was tested: {reason}", file=sys.stderr)
        return SKIPPED
    with container.machine(random.Random(1).randbytes(_FILM_BYTES)) as root:
        console, ended = container.boot(root, within_s=_BOOT_WITHIN_S)
        wrong = judge(root, ended=ended, off_at=time.monotonic())
        if wrong:
            print("\n".join(container.journal(root)[-400:]) or console)
    for line in wrong:
        print(f"boot-test: WRONG: {line}", file=sys.stderr)
    if not wrong:
        print("boot-test: all was right")
    return 1 if wrong else 0


def judge(root: Path, *, ended: bool, off_at: float) -> list[str]:
    """Print what the machine wrote down; return what was wrong."""
    wrong = [] if ended else [f"the machine was still running after {_BOOT_WITHIN_S:.0f} s"]
    results = root / str(RESULTS)[1:]
    lines = results.read_text().splitlines() if results.exists() else []
    for line in lines:
        told = json.loads(line)
        print(f"{told['took_s']:6.2f} s  {'; '.join([told['step'], *told['notes']])}")
        if told["wrong"]:
            wrong.append(f"{told['step']}: {told['wrong']}")
    ending = root / str(ENDING)[1:]
    if not ending.exists():
        return [*wrong, f"it did not come to its end: {len(lines)} steps were taken"]
    took_s = off_at - float(ending.read_text())
    print(f"{took_s:6.2f} s  it is switched off")
    if took_s > _END_WITHIN_S:
        wrong.append(f"switching it off took {took_s:.1f} s")
    journal = container.journal(root)
    begin = next((n for n, line in enumerate(journal) if "Stopped target boot-test" in line), 0)
    unclean = [line for line in journal[begin:] if any(word in line for word in _UNCLEAN)]
    return wrong + [line for line in unclean if "fsmount" in line or "/mnt" in line]


if __name__ == "__main__":
    sys.exit(main())
