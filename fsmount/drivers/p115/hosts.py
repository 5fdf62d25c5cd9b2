"""Where 115 is: each of its hosts by a name, all of them a setting.

Host names move (offline downloads and share calls did within a year), and an emulator serves all
of them on one port. So a call names the host it wants, and the option ``hosts`` says how its base
is written (wire: 115 §0.10, §1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fsmount.errors import UsageError

if TYPE_CHECKING:
    from typing import Self

DEFAULT = "https://{host}"

WEB = "webapi.115.com"
NATSORT = "aps.115.com"
APP = "proapi.115.com"
ACCOUNT = "my.115.com"
QR = "qrcodeapi.115.com"
PASSPORT = "passportapi.115.com"
SHARE = "115cdn.com"
OFFLINE = "clouddownload.115.com"
OFFLINE_OLD = "lixian.115.com"
VERSION = "appversion.115.com"

SIGNED = frozenset({WEB, NATSORT, APP, ACCOUNT, PASSPORT, SHARE, OFFLINE, OFFLINE_OLD})
"""Hosts that may see a login cookie; content hosts are not among them (wire: 115 §5.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The template of every host's base URL.

    Attributes:
        template: With ``{host}`` in it, without a slash at the end.
    """

    template: str = DEFAULT

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the option ``hosts``.

        Raises:
            UsageError: It is no URL with ``{host}`` in it.
        """
        template = text.strip().rstrip("/") or DEFAULT
        if "{host}" not in template or urlsplit(template).scheme not in ("http", "https"):
            raise UsageError(
                f'hosts = "{text}" is not understood', advice='write hosts = "https://{host}"'
            )
        return cls(template=template)

    @property
    def is_default(self) -> bool:
        """True when it is the real 115 that is asked."""
        return self.template == DEFAULT

    def base(self, host: str) -> str:
        """Return the base URL of ``host``."""
        return self.template.replace("{host}", host)

    def url(self, host: str, path: str) -> str:
        """Return the URL of ``path``, which begins with a slash, on ``host``."""
        return self.base(host) + path

    def host_of(self, url: str) -> str:
        """Return which host that may be signed for ``url`` is on; "" for any other place."""
        return next((host for host in SIGNED if url.startswith(f"{self.base(host)}/")), "")
