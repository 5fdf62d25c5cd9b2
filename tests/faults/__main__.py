"""``python -m tests.faults [--fault NAME ...] [--some N --seed S] [--readme]``."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.matrix import Row, run_row
from tests.faults.names import name_server
from tests.faults.operations import OPERATIONS
from tests.faults.table import FAULTS


def main() -> int:
    """Run the matrix; return 0 when every cell is well."""
    chosen = _arguments()
    faults = [fault for fault in FAULTS if not chosen.fault or fault.name in chosen.fault]
    if chosen.some:
        faults = random.Random(chosen.seed).sample(faults, min(chosen.some, len(faults)))
        print(f"seed {chosen.seed}: {', '.join(fault.name for fault in faults)}", file=sys.stderr)
    rows = []
    with tempfile.TemporaryDirectory(prefix="fsmount-faults-") as top, name_server(top) as names:
        for number, fault in enumerate(faults):
            place = Path(top).resolve() / str(number)
            place.mkdir()
            row = run_row(fault, place, names)
            rows.append(row)
            told = "; ".join(row.wrong) or f"well, healed in {row.healed_s:.1f} s"
            print(f"{fault.name}: {told}", file=sys.stderr, flush=True)
    if chosen.markdown:
        print("\n".join(markdown(rows)))
    else:
        _show(rows)
    return 0 if not any(row.wrong for row in rows) else 1


def markdown(rows: list[Row]) -> list[str]:
    """Return the table as the README has it."""
    head = ["", *(each.name for each in OPERATIONS), "well again after"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for row in rows:
        cells = [row.outcomes[each.name].cell for each in OPERATIONS]
        healed = f"{row.healed_s:.1f} s" if not row.wrong else "NOT"
        lines.append(f"| {row.fault.name} | {' | '.join(cells)} | {healed} |")
    return lines


def _show(rows: list[Row]) -> None:
    table = Table(title="seconds until each program returned by itself")
    table.add_column("fault")
    for each in OPERATIONS:
        table.add_column(each.name)
    table.add_column("well again after")
    for row in rows:
        cells = [row.outcomes[each.name].cell for each in OPERATIONS]
        table.add_row(row.fault.name, *cells, f"{row.healed_s:.1f} s" if not row.wrong else "NOT")
    Console(width=max(160, Console().width)).print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run fault-matrix", description="operations x faults")
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--fault", action="append", choices=names, metavar="NAME")
    parser.add_argument("--some", type=int, help="only so many of them, by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown", action="store_true", help="the table as the README has it")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
