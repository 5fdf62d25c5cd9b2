"""The cookies of 115: the four of a login, and the one that a download link may be bound to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsmount.drivers import wire
from fsmount.errors import UsageError

if TYPE_CHECKING:
    from typing import Self

WHERE_TO_LOOK = (
    "sign in at 115.com with a browser, open its developer tools (F12), Network, reload, choose a "
    "request to webapi.115.com and copy the value of its header Cookie"
)

DEVICES = {
    "alipaymini": "115 in Alipay",
    "wechatmini": "115 in WeChat",
    "tv": "115 on a television",
    "qandroid": "115 office on Android",
    "harmony": "115 on HarmonyOS",
    "android": "115 on Android",
    "ios": "115 on an iPhone",
    "web": "115 in a browser",
    "os_linux": "115 on Linux",
}
"""Device slots a QR sign-in may take, those that people use least themselves first.

A second login of one slot ends the first one (wire: 115 §3.1).
"""

_APP_OF_SLOT = {
    "A1": "web",
    "D1": "ios",
    "D3": "115ios",
    "F1": "android",
    "F3": "115android",
    "H1": "ipad",
    "H3": "115ipad",
    "I1": "tv",
    "I2": "apple_tv",
    "M1": "qandroid",
    "N1": "qios",
    "O1": "qipad",
    "P1": "os_windows",
    "P2": "os_mac",
    "P3": "os_linux",
    "R1": "wechatmini",
    "R2": "alipaymini",
    "S1": "harmony",
}
_PAIR = re.compile(r"\b(UID|CID|SEID|KID)\s*=\s*([^\s;,\"']+)", re.IGNORECASE)
_UID = re.compile(r"(\d+)(?:_([A-Z]\d+))?(?:_(\d+))?.*")

# The cookie of a link and nothing else that an answer may set, an ``acw_tc`` of the firewall for
# example (wire: 115 §5.2, §14.3).
_LINK_COOKIE = re.compile(r"\s*([0-9a-f]{32}=[0-9a-f]{32})\s*(?:;|$)", re.IGNORECASE)
_PATH = re.compile(r";\s*path\s*=\s*([^;]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginCookie:
    """The cookies that are a login; ``repr`` shows none of them.

    Attributes:
        uid: ``USER_SLOT_TIME``.
        cid, seid: The session.
        kid: Required by newer logins; "" when there is none.
    """

    uid: str = field(repr=False)
    cid: str = field(repr=False)
    seid: str = field(repr=False)
    kid: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read cookies as people copy them: a whole header, other cookies among them.

        Raises:
            UsageError: One that a login needs is missing; names it.
        """
        found = {name.upper(): value for name, value in _PAIR.findall(text)}
        for name in ("UID", "CID", "SEID"):
            if name not in found:
                raise UsageError(
                    f"the cookie of 115 lacks {name}",
                    advice=f"copy all of UID, CID, SEID and KID: {WHERE_TO_LOOK}",
                )
        if _UID.fullmatch(found["UID"]) is None:
            raise UsageError("the UID in the cookie of 115 is not one", advice=WHERE_TO_LOOK)
        return cls(uid=found["UID"], cid=found["CID"], seid=found["SEID"], kid=found.get("KID", ""))

    @property
    def line(self) -> str:
        """The header's value, without a ``;`` at its end, which got people blocked (§2)."""
        pairs = {"UID": self.uid, "CID": self.cid, "SEID": self.seid, "KID": self.kid}
        return "; ".join(f"{name}={value}" for name, value in pairs.items() if value)

    @property
    def user(self) -> str:
        """The number of the account."""
        match = _UID.fullmatch(self.uid)
        return match[1] if match else ""

    @property
    def app(self) -> str:
        """What the app's API calls the device of this login; "android" for an unknown one."""
        match = _UID.fullmatch(self.uid)
        return _APP_OF_SLOT.get(match[2] or "" if match else "", "android")

    @property
    def signed_in_at(self) -> float:
        """Unix seconds of the sign-in, on 115's clock; 0 when it does not say."""
        match = _UID.fullmatch(self.uid)
        return float(wire.whole(match[3]) or 0) if match else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCookie:
    """The cookie that a link is bound to, and the path of the object that it is for."""

    pair: str = field(repr=False)
    path: str


def link_cookies(set_cookie: str) -> list[LinkCookie]:
    """Return the cookies for links among the ``Set-Cookie`` lines of an answer.

    Every one of them is for the path of one object; those for ``/`` are the firewall's.
    """
    found = []
    for line in set_cookie.splitlines():
        pair, path = _LINK_COOKIE.match(line), _PATH.search(line)
        where = path[1].strip().strip("/") if path else ""
        if pair is not None and (where or path is None):
            found.append(LinkCookie(pair=pair[1], path=where))
    return found
