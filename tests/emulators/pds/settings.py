"""What a domain is set to, and the switches of its habits; one set for the whole family."""

from __future__ import annotations

from dataclasses import dataclass, field

SWITCHES: dict[str, str] = {
    # name: what it does, with the section that tells of it
    "range-416": "a Range that leaves the object is HTTP 416 (Aliyundrive §7.2); off: 200, whole",
    "null-links": "links are 200 with every field null (Open §5.3)",
    "empty-links": "links have an empty url (Aliyundrive §7.1)",
    "v1-links": "links are signed in the older way, with Expires (PDS §6.2)",
    "links-outlive-files": "a link still leads to a file that was deleted (unknown, §12)",
    "share-links-work": "direct links of shared files are given, as until 2024-03 (§B4)",
    "old-anonymous-info": "the anonymous answer ends before has_pwd (PDS §5)",
    "no-share-list": "share_link/list is retired: 404 (PDS §5)",
    "cancel-200": "cancelling a share answers 200 and {} (PDS §5)",
    "share-captcha": "the share token call wants a captcha (PDS §5)",
    "fail-tasks": "tasks end as Failed",
    "partial-tasks": "tasks end as PartialSucceed",
    "other-sub": "a refresh gives the tokens of another account (Open §2.3)",
    "keep-refresh-token": "a refresh gives no new refresh token (PDS §2.1)",
    "too-many-devices": "no further device session is made (Aliyundrive §4.2)",
    "no-resource-drive": "the user granted the default drive only (Open §4)",
    "links-need-referer": "links are signed with the Referer, as for web tokens (Aliyundrive §7.2)",
    "bare-items": "items lack every key that a client must not rely on (Aliyundrive §6.1)",
    "numeric-ids": "drive ids are numbers, as in some of the vendor's examples (PDS §1.1)",
    "share-canary": "share calls without the share page's x-canary are 429 (Aliyundrive §B3)",
    "short-pages": "pages hold fewer entries than asked and still go on (Aliyundrive §6.1)",
}
SIGNATURE_CHECKS = ("off", "shape", "strict")


@dataclass(slots=True, kw_only=True)
class Settings:
    """Lives in seconds, sizes in bytes, all changeable while it runs.

    `link_life_s` caps what is asked for, as the service does; `max_bodies` counts content answers
    that are being sent, 0 is no cap. `refresh_grace_s` is how long a rotated refresh token lives.
    """

    access_life_s: float = 7200.0
    refresh_life_s: float = 90 * 86400.0
    refresh_grace_s: float = 0.0
    share_token_life_s: float = 7200.0
    link_life_s: float = 0.0
    default_link_s: float = 900.0
    max_link_s: float = 14400.0
    upload_life_s: float = 3600.0
    max_page: int = 200
    default_page: int = 50
    max_bodies: int = 0
    async_polls: int = 2
    capacity_bytes: int = 1 << 40
    speed_limit: float = 0.0
    retry_after_ms: int = 1000
    signature_check: str = "shape"
    origin: str | None = None
    # Calls allowed in 10 s by bucket, 0 for no limit (Open §6).
    list_rate: int = 0
    link_rate: int = 0
    other_rate: int = 0
    switches: set[str] = field(default_factory=set)

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return name in self.switches

    def switch(self, name: str, *, on: bool) -> None:
        """Turn a habit on or off; raises ValueError for a name that does not exist."""
        if name not in SWITCHES:
            raise ValueError(f"no switch {name!r}; there are {', '.join(SWITCHES)}")
        if on:
            self.switches.add(name)
        else:
            self.switches.discard(name)
