"""Which of 115's many hosts a request is for, and which of them are one service under two names.

How the host of a request is found is `tests.emulators.hosts`. Source: wire 115 §1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.hosts import placed

if TYPE_CHECKING:
    from tests.emulators.messages import Request

CDN = "cdnfhnfile.115cdn.net"
# Hosts whose whole path tree is another host's.
_MIRRORS = {
    "web.api.115.com": "webapi.115.com",
    "pro.api.115.com": "proapi.115.com",
    # QR login, `check/sso` and the Open sign-in answer on both (§1, §3.2, §10.1).
    "passportapi.115.com": "qrcodeapi.115.com",
    "hnqrcodeapi.115.com": "qrcodeapi.115.com",
    "cdnfhnfile.115.com": CDN,
}
# Hosts that have the web API below one folder.
_BELOW_WEBAPI = frozenset({"115cdn.com", "115vod.com"})
# Hosts that pass a call on to the host named in their query.
_PROXIES = frozenset({"f.115.com", "n.115.com"})
_OWN = frozenset(
    {
        "webapi.115.com",
        "aps.115.com",
        "proapi.115.com",
        "qrcodeapi.115.com",
        "my.115.com",
        "115.com",
        "uplb.115.com",
        "clouddownload.115.com",
        "lixian.115.com",
        "appversion.115.com",
        "oss-cn-shenzhen.aliyuncs.com",
        CDN,
    }
)
KNOWN = _OWN | _MIRRORS.keys() | _BELOW_WEBAPI | _PROXIES


def place_of(request: Request) -> tuple[str, str, str]:
    """The host that was asked, the host whose service answers, and the path there."""
    asked, request = placed(request, KNOWN)
    path = request.path
    if asked in _BELOW_WEBAPI and path.startswith("/webapi/"):
        return asked, "webapi.115.com", path.removeprefix("/webapi")
    if asked in _PROXIES and path.rstrip("/") == "/api/proxy/115":
        query = request.query
        return asked, f"{query.get('domain', 'webapi')}.115.com", query.get("path", "/")
    return asked, _MIRRORS.get(asked, asked), path
