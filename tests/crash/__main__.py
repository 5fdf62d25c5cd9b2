"""``python -m tests.crash [--times N] [--seed S]``: kills and power cuts under load."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from tests.crash.campaign import campaign


def main() -> int:
    """Run a campaign; return 0 when every mount after an end was well."""
    chosen = _arguments()
    crashes = []
    with tempfile.TemporaryDirectory(prefix="fsmount-crash-") as place:
        for crash in campaign(Path(place).resolve(), times=chosen.times, seed=chosen.seed):
            crashes.append(crash)
            what = "power cut" if crash.power else "SIGKILL"
            told = "; ".join(crash.wrong) or "well"
            print(
                f"{len(crashes)}/{chosen.times} {what} after {crash.after_s:.2f} s: {told}, "
                f"up in {crash.ready_s:.2f} s, {crash.from_disk >> 10} KiB from the cache",
                file=sys.stderr,
                flush=True,
            )
    bad = [crash for crash in crashes if crash.wrong]
    ready_s = [crash.ready_s for crash in crashes]
    print(
        f"{len(crashes)} ends (seed {chosen.seed}), "
        f"{sum(crash.power for crash in crashes)} of them power cuts: {len(bad)} went wrong; "
        f"up again in {statistics.median(ready_s):.2f} s (median), {max(ready_s):.2f} s (longest)"
    )
    return 0 if not bad else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run crash-test", description="kills and power cuts")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
