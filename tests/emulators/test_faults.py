"""Scripted faults hit the requests they are meant for, and do what they say."""

from __future__ import annotations

import pytest

from tests.emulators.faults import Fault, Faults, deliver
from tests.emulators.messages import FileSpan, Request, Response, json_response

RANGED = Request.parse("GET", "/content/a.bin", {"range": "bytes=10-19"})
SPAN = FileSpan(path="/nowhere", start=10, stop=20)


def answer(request: Request) -> Response:
    if "range" not in request.headers:
        return Response(segments=(b"whole",))
    headers = {"content-range": "bytes 10-19/100", "content-length": "10"}
    return Response(status=206, headers=headers, segments=(SPAN,))


def refuse(code: int, message: str) -> Response:
    return json_response({"code": code, "msg": message})


def spoilt(*faults: Fault):
    return deliver(list(faults), "content", RANGED, answer, refuse)


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (Fault(action="drop"), [0, 1, 2, 3]),
        (Fault(action="drop", count=1), [0]),
        (Fault(action="drop", nth=3), [2, 3]),
        (Fault(action="drop", nth=2, count=2), [1, 2]),
        (Fault(action="drop", kind="list"), []),
        (Fault(action="drop", method="POST"), []),
        (Fault(action="drop", path="中.bin"), [0, 1, 2, 3]),
        (Fault(action="drop", path="other"), []),
    ],
)
def test_fault_hits_the_requests_it_counts_to(fault, hit):
    """`nth` spares the first, `count` ends it, kind, method and path narrow it."""
    script = Faults()
    script.add(fault)
    request = Request.parse("GET", "/content/%E4%B8%AD.bin")
    assert [n for n in range(4) if script.take("content", request)] == hit


def test_path_is_also_looked_for_in_the_query():
    """A listing names its folder in a parameter."""
    script = Faults()
    script.add(Fault(action="drop", path="my/photos"))
    request = Request.parse("GET", "/api/v4/file?uri=cloudreve%3A%2F%2Fmy%2Fphotos")
    assert script.take("list", request)


def test_cleared_script_hits_nothing():
    """After `clear` everything goes well again."""
    script = Faults()
    script.add(Fault(action="drop"))
    script.clear()
    assert script.take("list", RANGED) == []
    assert script.listed() == []


@pytest.mark.parametrize("action", ["drop", "reset", "stall"])
def test_ending_comes_before_the_answer_or_within_the_body(action):
    """Without `after_bytes` there is no status line, with it that much of the body."""
    early = spoilt(Fault(action=action))
    late = spoilt(Fault(action=action, after_bytes=4))
    assert (early.ending, early.ending_after) == (action, None)
    assert (late.ending, late.ending_after) == (action, 4)
    assert late.response == answer(RANGED)


def test_half_body_promises_the_whole():
    """The length that was promised stays, half of the bytes come."""
    delivery = spoilt(Fault(action="half_body"))
    assert (delivery.ending, delivery.ending_after) == ("drop", 5)
    assert delivery.response.length == 10


def test_short_body_is_consistent_with_itself_only():
    """Content-Length agrees with half of the bytes, Content-Range does not."""
    response = spoilt(Fault(action="short_body")).response
    assert response.segments == (FileSpan(path="/nowhere", start=10, stop=15),)
    assert "content-length" not in response.headers  # the server counts what it sends
    assert response.headers["content-range"] == "bytes 10-19/100"


def test_range_is_ignored():
    """A 200 with the whole file comes instead of a 206."""
    response = spoilt(Fault(action="full_200_for_range")).response
    assert (response.status, response.segments) == (200, (b"whole",))


def test_content_range_of_other_bytes():
    """The bytes are right, the header tells of those that follow."""
    response = spoilt(Fault(action="wrong_content_range")).response
    assert response.headers["content-range"] == "bytes 20-29/100"
    assert response.segments == (SPAN,)


def test_status_from_a_proxy():
    """A 429 carries its Retry-After and a page of HTML."""
    response = spoilt(Fault(action="status", status=429, retry_after="7")).response
    assert response.status == 429
    assert response.headers["retry-after"] == "7"
    assert response.headers["content-type"] == "text/html"


def test_web_page_instead_of_json():
    """A login page of a hotel network is HTTP 200 and HTML."""
    response = spoilt(Fault(action="html")).response
    assert (response.status, response.headers["content-type"]) == (200, "text/html")


@pytest.mark.parametrize("action", ["json_instead_of_bytes", "error_code"])
def test_envelope_instead_of_the_answer(action):
    """HTTP 200 with the code that was asked for."""
    response = spoilt(Fault(action=action, code=40005, message="late")).response
    assert response.status == 200
    assert b'"code": 40005' in response.segments[0]


def test_replaced_answer_is_never_worked_out():
    """A request that a proxy refuses does not reach the provider."""

    def unwanted(request: Request) -> Response:
        raise AssertionError("the provider was asked")

    fault = Fault(action="status", status=502)
    assert deliver([fault], "list", RANGED, unwanted, refuse).response.status == 502


def test_delays_add_up_and_go_with_other_faults():
    """Two delays and a slow body are one late and slow answer."""
    delivery = spoilt(
        Fault(action="delay", seconds=1.5),
        Fault(action="delay", seconds=2.0),
        Fault(action="slow", bytes_per_second=10.0),
    )
    assert (delivery.delay_s, delivery.rate) == (3.5, 10.0)


@pytest.mark.parametrize("wish", [{"action": "explode"}, {}, {"action": "drop", "colour": "red"}])
def test_wish_that_is_no_fault_is_refused(wish):
    """Unknown actions and fields are named, not ignored."""
    with pytest.raises(ValueError, match="fault"):
        Fault.from_json(wish)
