"""`python -m tests.readme`: writes the README's tables anew from what the code declares.

A test compares, so that neither can move without the other.
"""

from __future__ import annotations

import re
from pathlib import Path

from fsmount import drivers
from fsmount.drivers.base import Ability, DriverOptions
from fsmount.drivers.declared import declared
from fsmount.options import DECLARED

README = Path(__file__).parents[1] / "README.md"


def tables() -> dict[str, str]:
    """Return every generated part by its name."""
    return {
        "mount options": _mount_options(),
        "remote options": _options(DriverOptions),
        "providers": _providers(),
        "driver options": _driver_options(),
    }


def renewed(text: str) -> str:
    """Return the README `text` with every generated part as it has to be."""
    for name, table in tables().items():
        pattern = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)"
        text, count = re.subn(pattern, lambda m, t=table: m[1] + t + m[2], text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"the README has no place for {name}")
    return text


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |\n" for row in lines
    )


def _mount_options() -> str:
    rows = [(f"`{one.name}{'=' + one.value if one.value else ''}`", one.help) for one in DECLARED]
    return _table(("option", "what it does"), rows)


def _options(options: type[DriverOptions], without: frozenset[str] = frozenset()) -> str:
    rows = [
        (f"`{one.name}`", one.help + (" (secret)" if one.sensitive else ""))
        for one in declared(options)
        if one.name not in without
    ]
    return _table(("option", "what it is"), rows)


def _providers() -> str:
    specs = [drivers.load(name) for name in drivers.REGISTRY]
    rows = [
        (str(ability), *("yes" if ability in spec.abilities else "–" for spec in specs))
        for ability in Ability
        if any(ability in spec.abilities for spec in specs)
    ]
    rows.insert(0, ("`driver =`", *(f"`{spec.name}`" for spec in specs)))
    return _table(("", *(spec.title for spec in specs)), rows)


def _driver_options() -> str:
    common = frozenset(one.name for one in declared(DriverOptions))
    parts = []
    for name in drivers.REGISTRY:
        spec = drivers.load(name)
        parts.append(f"Options of {spec.title}:\n\n{_options(spec.options, common)}")
    return "\n".join(parts)


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
