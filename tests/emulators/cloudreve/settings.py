"""What an administrator could set on the emulated server, and the switches of its defects."""

from __future__ import annotations

from dataclasses import dataclass, field

SWITCHES: dict[str, str] = {
    # name: what it does, with the section of wire Cloudreve V4 that tells of it
    "expired-json": "an expired link is HTTP 200 with a JSON error (§8.1); off: HTTP 403",
    "anonymous-expiry": "an expired access token makes one anonymous (§4); off: always 401",
    "captcha": "sign-in wants a captcha (§3)",
    "two-factor": "sign-in wants a second factor (§3)",
    "offset-paging": "cursor paging is off (§6.1)",
    "page-border-loss": "files are lost after a page that ends with the last folder (§6.2.1)",
    "updated-at-repeat": "updated_at ascending repeats the border item (§6.2.2)",
    "shared-default-view": "parameters left out are the last request's, of any user (§6.2.3)",
    "foreign-fields": "objects carry fields of other objects (§6.2.4)",
    "folder-summary-500": "the second folder summary within 300 s is HTTP 500 (§7)",
    "empty-file-500": "creating an empty file answers HTTP 500 although it was made (§9)",
    "constant-etag": "links lead to a slave node, whose ETag is one constant (§8.1)",
    "wrong-size": "listings tell a size that the content does not have (§7)",
    "moving-mtime": "updated_at is the time of asking (§7: it moves by itself)",
    "relay": "the storage policy relays uploads: one chunk of any size (§10.2)",
}
_ON_BY_DEFAULT = frozenset({"expired-json", "anonymous-expiry"})


@dataclass(slots=True, kw_only=True)
class Settings:
    """Server settings; lifetimes in seconds, sizes in bytes, all changeable while it runs."""

    site_url: str = ""
    origin: str | None = None
    access_life_s: float = 3600.0
    refresh_life_s: float = 14 * 86400.0
    link_life_s: float = 3600.0
    link_reuse_margin_s: float = 600.0
    session_life_s: float = 600.0
    summary_life_s: float = 300.0
    max_page_size: int = 2000
    max_batch: int = 3000
    max_edit_bytes: int = 50 * 1024 * 1024
    max_versions: int = 10
    chunk_bytes: int = 25 * 1024 * 1024
    capacity_bytes: int = 1 << 40
    speed_limit: int = 0
    max_file_bytes: int = 0
    allowed_suffixes: tuple[str, ...] = ()
    guests_may_open_shares: bool = True
    otp: str = "246810"
    otp_secret: str = ""  # base32; when given, codes follow the clock instead of `otp`
    switches: set[str] = field(default_factory=lambda: set(_ON_BY_DEFAULT))

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return name in self.switches

    def switch(self, name: str, *, on: bool) -> None:
        """Turn a defect on or off; raises ValueError for a name that does not exist."""
        if name not in SWITCHES:
            raise ValueError(f"no switch {name!r}; there are {', '.join(SWITCHES)}")
        if on:
            self.switches.add(name)
        else:
            self.switches.discard(name)
