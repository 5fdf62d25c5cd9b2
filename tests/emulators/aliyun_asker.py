"""Asks an emulated domain of the Aliyundrive family without a network, for its own tests."""

from __future__ import annotations

import json

from tests.emulators.messages import FileSpan, Request
from tests.emulators.provider import load
from tests.emulators.running import parser

ADDRESS = "http://drive.test"


class Asker:
    """A site, and someone who asks it; `headers` go with every request."""

    def __init__(self, provider, root, *options):
        arguments = parser().parse_args([provider, "--root", str(root), *options])
        self.site = load(provider).make(arguments)
        self.ready = self.site.start(ADDRESS)
        self.headers = {}
        self.host = "api.aliyundrive.com"

    def send(self, method, target, body=None, host=None, **headers):
        """The raw response of a path at a host."""
        content = b"" if body is None else json.dumps(body).encode()
        if isinstance(body, bytes):
            content = body
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = self.headers | {"x-real-host": self.host if host is None else host} | names
        return self.site.answer(Request.parse(method, target, sent, content))

    def post(self, target, body=None, host=None, **headers):
        """Status and JSON of a call; None for an empty body."""
        answer = self.send("POST", target, {} if body is None else body, host, **headers)
        return answer.status, value_of(answer)

    def ok(self, target, body=None, host=None, **headers):
        """The JSON of a call that succeeds."""
        status, value = self.post(target, body, host, **headers)
        assert status in (200, 201, 202, 204), value
        return value

    def code(self, target, body=None, host=None, **headers):
        """Status and code of a call that fails."""
        status, value = self.post(target, body, host, **headers)
        assert status >= 400, value
        return status, value["code"]

    def fetch(self, url, method="GET", body=b"", **headers):
        """The response of a link that the site gave."""
        assert url.startswith(f"{ADDRESS}/")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request.parse(method, url.removeprefix(ADDRESS), names, body)
        return self.site.answer(request)

    def jump(self, seconds):
        """Let time pass."""
        self.site.clock.jump(seconds)


def text_of(answer):
    """The bytes of an answer."""
    parts = []
    for segment in answer.segments:
        if isinstance(segment, FileSpan):
            with open(segment.path, "rb") as file:
                parts.append(file.read()[segment.start : segment.stop])
        else:
            parts.append(segment)
    return b"".join(parts)


def value_of(answer):
    """The JSON of an answer; None when there is none."""
    text = text_of(answer)
    return json.loads(text) if text else None
