"""The control door: JSON over HTTP that changes and watches a running emulator.

    GET    /stats     counts by kind of request       POST /reset   begin counting at zero
    GET    /faults    the script of faults            POST /faults  add one, or a list of them
    DELETE /faults    nothing goes wrong any more
    POST   /clock     {"jump_s": N} moves the clock, {"offset_s": N} sets its distance from now
    POST   /VERB      anything else is the provider's own: expire, switch, share, ...

Every answer is a JSON object; a wish that makes no sense is HTTP 400 with {"error": ...}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.counters import Counters
from tests.emulators.faults import Fault
from tests.emulators.messages import Delivery, Request, Response, json_response

if TYPE_CHECKING:
    from tests.emulators.provider import Provider


class ControlDoor:
    """Serves the control door of one provider; it has a port of its own and knows no faults."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.counters = Counters()

    def deliver(self, request: Request) -> Delivery:
        """Obey one wish."""
        try:
            response = self._answer(request)
        except (ValueError, TypeError, KeyError) as exc:
            response = json_response({"error": str(exc)}, status=400)
        return Delivery(response=response, kind="control")

    def _answer(self, request: Request) -> Response:
        provider = self._provider
        match request.method, request.path:
            case "GET", "/stats":
                return json_response(provider.counters.snapshot())
            case "POST", "/reset":
                provider.counters.reset()
            case "GET", "/faults":
                return json_response({"faults": provider.faults.listed()})
            case "POST", "/faults":
                wish = _wish(request)
                faults = [Fault.from_json(one) for one in wish.get("faults", [wish])]
                for fault in faults:
                    provider.faults.add(fault)
            case "DELETE", "/faults":
                provider.faults.clear()
            case "POST", "/clock":
                return json_response({"offset_s": self._set_clock(_wish(request))})
            case "POST", path:
                done = provider.control(path.removeprefix("/"), _wish(request))
                return json_response(done if done is not None else {})
            case _:
                return json_response({"error": f"no {request.method} {request.path}"}, status=404)
        return json_response({})

    def _set_clock(self, wish: dict[str, Any]) -> float:
        clock = self._provider.clock
        if "offset_s" in wish:
            clock.reset()
            clock.jump(float(wish["offset_s"]))
        clock.jump(float(wish.get("jump_s", 0.0)))
        return clock.offset_s


def _wish(request: Request) -> dict[str, Any]:
    return request.json() if request.body else {}
