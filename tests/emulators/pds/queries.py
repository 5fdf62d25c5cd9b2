"""The query language of the search calls: conditions joined by `and`.

Sources: PDS §5, Aliyundrive §6.2, Aliyundrive Open §5.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.emulators.pds.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_VALUE = rf"(?:{_QUOTED}|-?\d+|true|false)"
_LIST = rf"\[\s*{_QUOTED}(?:\s*,\s*{_QUOTED})*\s*\]"
_CONDITION = re.compile(rf"\s*(\w+)\s*(match|in|>=|<=|!=|=|<|>)\s*({_LIST}|{_VALUE})\s*")
_AND = re.compile(r"and\b\s*")
_ESCAPED = re.compile(r"\\(.)")
_MOST = 4096


def parse(query: str) -> Callable[[dict[str, str]], bool]:
    """A test for facts by field name; raises Refused for what does not parse."""
    conditions = []
    position = 0
    if len(query) > _MOST:
        raise invalid("query")
    while position < len(query):
        match = _CONDITION.match(query, position)
        if match is None:
            raise invalid("query")
        name, operator, value = match.groups()
        conditions.append((name.removesuffix("_for_fuzzy"), operator, _values(value)))
        position = match.end()
        joint = _AND.match(query, position)
        if joint is None and position < len(query):
            raise invalid("query")
        position = joint.end() if joint is not None else position
    return lambda facts: all(_holds(facts, *condition) for condition in conditions)


def _values(text: str) -> list[str]:
    if text.startswith(("[", "'", '"')):
        return [_ESCAPED.sub(r"\1", one[1:-1]) for one in re.findall(_QUOTED, text)]
    return [text]


def _holds(facts: dict[str, str], name: str, operator: str, values: list[str]) -> bool:
    if name not in facts:
        raise invalid("query", f"{name} is no field")
    fact, value = facts[name], values[0]
    if fact.isdigit() and value.isdigit():
        fact, value = fact.zfill(20), value.zfill(20)
    match operator:
        case "match":
            return value.casefold() in fact.casefold()
        case "in":
            return facts[name] in values
        case "=":
            return fact == value
        case "!=":
            return fact != value
        case ">=":
            return fact >= value
        case "<=":
            return fact <= value
        case ">":
            return fact > value
    return fact < value
