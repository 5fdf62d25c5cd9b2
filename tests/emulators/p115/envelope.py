"""The shapes of errors, and the exception that a handler raises to send one.

Source: wire 115 §2.1; the texts are the service's own where the page has them.
"""

from __future__ import annotations

import json
from typing import Any

from tests.emulators.messages import Response, text_response

LOGIN = "请先登录"
MISSING = "文件(夹)不存在或已删除。"
WAF_PAGE = (
    "<!doctypehtml><html lang=zh-cn><meta charset=utf-8><title>405</title>"
    '<body><a href="https://errors.aliyun.com/405">Sorry, your request has been blocked as it may '
    "cause potential threats to the server's security.</a></body></html>"
)


class Refused(Exception):
    """The service answers with an error.

    Args:
        value: the JSON object.
        status: the HTTP status, 200 for nearly every error.
    """

    def __init__(self, value: dict[str, Any], status: int = 200) -> None:
        super().__init__(str(value))
        self.value = value
        self.status = status

    def response(self) -> Response:
        """The answer."""
        return respond(self.value, self.status)


class Blocked(Exception):
    """The cloud firewall answers instead of the service: HTTP 405 and a page."""

    def response(self) -> Response:
        """The answer."""
        return text_response(405, WAF_PAGE, "text/html; charset=utf-8")


def web(errno: int, error: str, **more: Any) -> Refused:
    """What most of the web API and the shares say."""
    return Refused({"state": False, "errno": errno, "error": error, "errtype": "war", **more})


def listing(errno: int, error: str, request: str = "/files", **more: Any) -> Refused:
    """What a listing says: its N is a capital."""
    return Refused({"state": False, "errNo": errno, "error": error, "request": request, **more})


def coded(code: int, message: str, **more: Any) -> Refused:
    """What `get_info` and the Open file calls say."""
    return Refused({"state": False, "code": code, "message": message, "data": [], **more})


def link(errno: int, msg: str, data: Any = "") -> Refused:
    """What the `downurl` family says."""
    return Refused({"state": False, "errno": errno, "msg": msg, "data": data})


def passport(code: int, message: str, data: Any = None) -> Refused:
    """What sign-in, QR codes and the Open sign-in say."""
    body = {"state": 0, "code": code, "errno": code, "message": message, "error": message}
    return Refused({**body, "data": {} if data is None else data})


def offline(errcode: int, text: str) -> Refused:
    """What offline download says."""
    return Refused({"state": False, "errcode": errcode, "errno": errcode, "error_msg": text})


def respond(value: object, status: int = 200, *, cookies: tuple[str, ...] = ()) -> Response:
    """Send JSON the way PHP does: `/` is escaped, and everything beyond ASCII."""
    body = json.dumps(value, ensure_ascii=True).replace("/", "\\/").encode()
    return Response(
        status=status,
        headers={"content-type": "application/json; charset=utf-8"},
        segments=(body,),
        cookies=cookies,
    )
