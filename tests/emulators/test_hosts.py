"""Which of a provider's hosts a request on one port is for."""

from __future__ import annotations

import pytest

from tests.emulators.hosts import placed
from tests.emulators.messages import Request

KNOWN = {"api.test", "data.test"}


@pytest.mark.parametrize(
    ("target", "headers", "host", "path"),
    [
        ("/list", {"x-real-host": "api.test"}, "api.test", "/list"),
        ("/data.test/a%2Fb", {"host": "127.0.0.1:80"}, "data.test", "/a%2Fb"),
        ("/data.test", {}, "data.test", "/"),
        ("/list", {"host": "API.test:443"}, "api.test", "/list"),
        ("/list", {"host": "127.0.0.1:80"}, "", "/list"),
        ("/other.test/list", {}, "", "/other.test/list"),
    ],
)
def test_a_host_is_named_by_header_or_path(target, headers, host, path):
    """`x-real-host` goes before the path, the path before `Host`; a path stays as it was."""
    found, request = placed(Request.parse("GET", target, headers), KNOWN)
    assert (found, request.path) == (host, path)
