"""Scripted faults: what goes wrong, for which requests, and how often.

A `Fault` is a value; `Faults` is the script of one emulator, changed through the control door or
directly by a test. `deliver` applies the script to one request around the provider's own answer.
Faults that only spoil the way ("drop", "reset", "stall", "slow", "delay", "half_body" and the ones
that falsify a range) let the provider do its work first, as a real network would; faults that
replace the answer ("status", "html", "error_code", "json_instead_of_bytes") spare it the work.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from tests.emulators.messages import (
    Delivery,
    FileSpan,
    Request,
    Response,
    json_response,
    text_response,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.messages import Segment

Action = Literal[
    "drop",  # close the connection; before the answer, or after `after_bytes` of the body
    "reset",  # the same with RST
    "stall",  # say nothing more, from the same points on
    "slow",  # send the body at `bytes_per_second`
    "delay",  # answer `seconds` later
    "half_body",  # promise the whole body, send half of it, close
    "short_body",  # send half of the body with a Content-Length that agrees
    "status",  # this HTTP status, with `retry_after` and an HTML page as proxies send
    "html",  # HTTP 200 and a web page where JSON or bytes were expected
    "json_instead_of_bytes",  # HTTP 200 and a JSON envelope with `code`
    "full_200_for_range",  # ignore the Range header
    "wrong_content_range",  # right bytes, Content-Range of others
    "error_code",  # the provider's own envelope with `code`
]
_PAGE = (
    "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    It concerns requests of `kind` (None: all) whose decoded path and query contain `path`. Of
    those, the first `nth - 1` are spared and the next `count` are hit (None: all).
    """

    action: Action
    kind: str | None = None
    path: str = ""
    method: str | None = None
    nth: int = 1
    count: int | None = None
    seconds: float = 1.0
    bytes_per_second: float = 1024.0
    after_bytes: int | None = None
    status: int = 502
    retry_after: str | None = None
    code: int | str = -1  # some providers have words
    message: str = ""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Fault:
        """Make a fault from a control door's JSON; raises ValueError that names what is wrong."""
        unknown = value.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        if value.get("action") not in get_args(Action):
            raise ValueError(f"a fault's action is one of {', '.join(get_args(Action))}")
        return cls(**value)

    def concerns(self, kind: str, request: Request) -> bool:
        """Whether this request is of the sort that the fault may hit."""
        if self.kind not in (None, kind) or self.method not in (None, request.method):
            return False
        if not self.path:
            return True
        return any(self.path in text for text in (request.decoded_path, *request.query.values()))


class Faults:
    """The script of one emulator: faults in the order they were added, with their counts."""

    def __init__(self) -> None:
        self._faults: list[tuple[Fault, list[int]]] = []

    def add(self, fault: Fault) -> None:
        """Let this go wrong from now on."""
        self._faults.append((fault, [0]))

    def clear(self) -> None:
        """Let nothing go wrong any more; answers on their way keep what they have."""
        self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """The script with `seen`, the number of requests that each fault concerned so far."""
        return [
            {field.name: getattr(fault, field.name) for field in fields(fault)} | {"seen": seen[0]}
            for fault, seen in self._faults
        ]

    def take(self, kind: str, request: Request) -> list[Fault]:
        """The faults that hit this request; counts it."""
        hits = []
        for fault, seen in self._faults:
            if fault.concerns(kind, request):
                seen[0] += 1
                position = seen[0] - fault.nth
                if position >= 0 and (fault.count is None or position < fault.count):
                    hits.append(fault)
        return hits


def deliver(
    faults: list[Fault],
    kind: str,
    request: Request,
    answer: Callable[[Request], Response],
    refuse: Callable[[int | str, str], Response],
) -> Delivery:
    """Answer a request as these faults leave it.

    Args:
        faults: what hits this request; the first that replaces the answer wins.
        kind: the request's kind.
        request: the request.
        answer: the provider's own answer.
        refuse: the provider's error envelope for a code and message.
    """
    response = _replaced(faults, refuse)
    if response is None:
        if any(fault.action == "full_200_for_range" for fault in faults):
            kept = {name: value for name, value in request.headers.items() if name != "range"}
            request = replace(request, headers=kept)
        response = answer(request)
    delivery = Delivery(response=response, kind=kind, delay_s=response.delay_s)
    for fault in faults:
        delivery = _spoiled(delivery, fault)
    return delivery


def _replaced(faults: list[Fault], refuse: Callable[[int | str, str], Response]) -> Response | None:
    for fault in faults:
        match fault.action:
            case "status":
                response = text_response(
                    fault.status, _PAGE.format(title=f"{fault.status} from a proxy"), "text/html"
                )
                if fault.retry_after is not None:
                    response.headers["retry-after"] = fault.retry_after
                return response
            case "html":
                return text_response(200, _PAGE.format(title="Please wait"), "text/html")
            case "json_instead_of_bytes":
                return json_response({"code": fault.code, "msg": fault.message})
            case "error_code":
                return refuse(fault.code, fault.message)
    return None


def _spoiled(delivery: Delivery, fault: Fault) -> Delivery:
    response = delivery.response
    match fault.action:
        case "drop" | "reset" | "stall":
            return replace(delivery, ending=fault.action, ending_after=fault.after_bytes)
        case "slow":
            return replace(delivery, rate=fault.bytes_per_second)
        case "delay":
            return replace(delivery, delay_s=delivery.delay_s + fault.seconds)
        case "half_body":
            return replace(delivery, ending="drop", ending_after=response.length // 2)
        case "short_body":
            halved = _first(response.segments, response.length // 2)
            headers = {k: v for k, v in response.headers.items() if k != "content-length"}
            return replace(delivery, response=replace(response, headers=headers, segments=halved))
        case "wrong_content_range" if "content-range" in response.headers:
            headers = response.headers | {"content-range": _shifted(response)}
            return replace(delivery, response=replace(response, headers=headers))
    return delivery


def _first(segments: tuple[Segment, ...], count: int) -> tuple[Segment, ...]:
    kept: list[Segment] = []
    for segment in segments:
        size = min(count, len(segment))
        if isinstance(segment, FileSpan):
            kept.append(replace(segment, stop=segment.start + size))
        else:
            kept.append(segment[:size])
        count -= size
    return tuple(kept)


def _shifted(response: Response) -> str:
    """The Content-Range of the bytes that follow the ones sent."""
    unit, _, rest = response.headers["content-range"].partition(" ")
    span, _, size = rest.partition("/")
    start, _, last = span.partition("-")
    if not last:  # the `*/size` of a 416 says nothing that could be shifted
        return response.headers["content-range"]
    return f"{unit} {int(start) + response.length}-{int(last) + response.length}/{size}"
