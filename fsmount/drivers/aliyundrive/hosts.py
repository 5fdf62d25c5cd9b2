"""Where the provider's many hosts are: one template stands for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fsmount.errors import UsageError

if TYPE_CHECKING:
    from typing import Self

DEFAULT_HOSTS = "https://{host}"

# The new brand's names; the old ones (aliyundrive.com) lead to the same service (wire §1).
API = "api.alipan.com"
AUTH = "auth.alipan.com"
PASSPORT = "passport.alipan.com"
OPEN_API = "openapi.alipan.com"

TRUST_DOMAIN = "aliyundrive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Builds the URLs of API calls.

    Attributes:
        template: With ``{host}`` where the name of a host goes; no slash at its end.
    """

    template: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the option ``hosts``.

        Raises:
            UsageError: It is no template of a web address.
        """
        template = text.strip().rstrip("/")
        if "{host}" not in template or not template.startswith(("http://", "https://")):
            raise UsageError(
                "hosts is not a template of addresses", advice=f'write hosts = "{DEFAULT_HOSTS}"'
            )
        return cls(template=template)

    def url(self, host: str, path: str) -> str:
        """Return the URL of ``path`` at one of the provider's hosts."""
        return f"{self.base(host)}{path}"

    def base(self, host: str) -> str:
        """Return the address of one of the provider's hosts."""
        return self.template.replace("{host}", host)

    def is_at(self, host: str, url: str) -> bool:
        """Tell whether ``url`` leads to ``host``."""
        ours, its = urlsplit(self.base(host)), urlsplit(url)
        under = ours.path.rstrip("/") + "/"
        return (ours.scheme, ours.netloc) == (its.scheme, its.netloc) and its.path.startswith(under)

    @property
    def trust_domain(self) -> str:
        """Who vouches for digests: the provider on its own hosts, any other host for itself."""
        if self.template == DEFAULT_HOSTS:
            return TRUST_DOMAIN
        return f"{TRUST_DOMAIN} {self.template}"
