"""What can be set at the emulated 115, and the switches of its traps."""

from __future__ import annotations

from dataclasses import dataclass, field

SWITCHES: dict[str, str] = {
    # name: what it does, with the section of wire 115 that tells of it
    "order-ignored": "a listing keeps the remembered order whatever was asked (§0.4)",
    "order-refused": "an order other than the remembered one is errNo 20130827 (§0.4)",
    "unknown-refused": "an unknown cid is refused; off: the root is listed (§0.3)",
    "system-folders": "the root has the system's own folders, before all others (§4.1)",
    "float-sizes": "sizes of the space are fractions (§0.1)",
    "sparse": "fields that may be missing are missing or null (§14.5)",
    "escaped-names": "names carry [\\x02N] for some characters (§4.6)",
    "aps-wraps": "natsort/files.php shows offset 0 again beyond its 1200th entry (§4.2)",
    "category-empty-list": "category/get of a missing id is []; off: {} (§4.4)",
    "version-check": "link calls of an old 115Browser are errno 50029 (§0.11)",
    "slot-check": "the android link wants a cookie of an Android slot, else errno 99 (§5.1)",
    "links-f1": "every link is bound to the User-Agent only (§0.8)",
    "links-f3": "every link is bound to User-Agent and cookie (§0.8)",
    "links-unbound": "no link is bound to anything (§5.2)",
    "other-cookies": "link answers carry a cookie of the firewall first (§5.2)",
    "no-cookie-short": 'a missing cookie is answered with "no cookie" (§2.1)',
    "download-nested": "files/download has its fields below data (§5.1)",
    "link-empty": "a chrome link of a missing file is an empty success; off: 50003 (§5.1)",
    "link-transient": "every second link call is errno 50038 with an empty text (§2.2)",
    "login-required": "shared files are not given without a login (§6.3)",
    "referer-wanted": "115cdn.com answers shares only with its Referer, else HTTP 401 (§2)",
    "agent-wanted": "an empty User-Agent is answered by the firewall's page (§2)",
    "semicolon-blocks": "cookies that end with ; get the firewall's page (§2)",
    "share-other-fields": "share/downurl gives file_url instead of url.url (§6.3)",
    "share-missing-empty": "an unknown folder of a share is empty; off: errno 20018 (§6.2)",
    "share-list-short": "a page of a share holds fewer than limit (§6.2)",
    "poll-empty": "a poll that timed out has an empty data (§3.1)",
    "expired-as-code": "an expired QR code is state 0, code 40199002 (§3.1)",
    "open-missing-list": "a missing Open path is data [] with state true; off: 430004 (§10.2)",
    "limit-plain": "the Open access limit is code 406 with its text in place (§2.1)",
    "refresh-too-often": "an access token can be renewed once an hour: 40140117 (§10.4)",
    "deletes-take-time": "a delete of a folder runs on: the next change is 990009 (§7)",
    "delete-asks": "a delete wants to be confirmed: 800007 once (§2.2)",
}
_ON_BY_DEFAULT = frozenset(
    {
        "float-sizes",
        "aps-wraps",
        "link-empty",
        "semicolon-blocks",
        "version-check",
        "slot-check",
        "referer-wanted",
    }
)


@dataclass(slots=True, kw_only=True)
class Settings:
    """What the service does; lifetimes in seconds, sizes in bytes, changeable while it runs."""

    address: str = ""
    origin: str | None = None
    # `usual`: each field as it was seen most; `text`, `number`: every field that may be either is
    # so; `mixed`: another choice at each use. `spelled` has the same for single fields.
    spelling: str = "usual"
    spelled: dict[str, str] = field(default_factory=dict)
    largest_page: int = 1150
    largest_aps_page: int = 1200
    largest_share_page: int = 10000
    capacity_bytes: int = 1 << 50
    used_bytes: int = 123_456_789_012
    oldest_browser: tuple[int, ...] = (30,)
    link_life_s: float = 10800.0
    link_cookie_life_s: float = 900.0
    link_connections: int = 2
    small_link_connections: int = 4
    small_link_bytes: int = 1 << 20
    web_link_bytes: int = 200 << 20
    speed_limit: float = 0.0
    qr_life_s: float = 300.0
    poll_hold_s: float = 0.5
    qr_script: tuple[str, ...] = ("waiting", "scanned", "confirmed")
    access_life_s: float = 7200.0
    refresh_life_s: float = 365 * 86400.0
    open_logins: int = 3
    open_daily_calls: int = 0
    offline_s: float = 10.0
    offline_failing: tuple[str, ...] = ("will-fail",)  # parts of URLs whose tasks come to nothing
    offline_bytes: int = 4096
    offline_quota: int = 1500
    delete_s: float = 5.0
    security_key: str = "000000"
    switches: set[str] = field(default_factory=lambda: set(_ON_BY_DEFAULT))

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return name in self.switches

    def switch(self, name: str, *, on: bool) -> None:
        """Turn a trap on or off; raises ValueError for a name that does not exist."""
        if name not in SWITCHES:
            raise ValueError(f"no switch {name!r}; there are {', '.join(SWITCHES)}")
        if on:
            self.switches.add(name)
        else:
            self.switches.discard(name)
