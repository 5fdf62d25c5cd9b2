"""Recognising a share's link in what people paste, with its code in the text around it."""

from __future__ import annotations

import re
from typing import NamedTuple

BLANK = "***"

_LINK = re.compile(
    r"(?:https?://)?(?:www\.)?(?P<site>alipan|aliyundrive)\.com/s/(?P<share>[a-z0-9]{5,40})"
    r"(?:/folder/(?P<folder>[0-9a-f]{40}))?/?(?:\?(?P<query>[^\s，。；、）】》]*))?",
    re.IGNORECASE | re.ASCII,
)
_CODE = re.compile(
    r"(?:(?:提取码|提取碼|访问码|訪問碼|分享码|密码|密碼|口令)\s*[:：=]?|"
    r"\b(?:password|passwd|pwd|code)\s*[:：=])\s*(?P<code>[A-Za-z0-9]{1,64})",
    re.IGNORECASE,
)
_QUERY_CODE = re.compile(r"(?:^|&)(?:pwd|password|share_pwd)=(?P<code>[^&#]+)", re.IGNORECASE)
_SHARE_ID = re.compile(r"[A-Za-z0-9]{5,40}")


class PastedShare(NamedTuple):
    """A share that somebody pasted; "" for what the text does not say."""

    site: str
    share: str
    folder: str
    code: str

    @property
    def shown(self) -> str:
        """The link without its code."""
        folder = f"/folder/{self.folder}" if self.folder else ""
        return f"https://www.{self.site}.com/s/{self.share}{folder}" + f"?pwd={BLANK}" * bool(
            self.code
        )


def find_share(text: str) -> PastedShare | None:
    """Return the first share that ``text`` links to; None when there is none."""
    found = _LINK.search(text)
    if found is None:
        return None
    around = f"{text[: found.start()]} {text[found.end() :]}"
    code = _QUERY_CODE.search(found["query"] or "") or _CODE.search(around)
    return PastedShare(
        site=found["site"].lower(),
        share=found["share"],
        folder=(found["folder"] or "").lower(),
        code=code["code"] if code else "",
    )


def is_share_id(text: str) -> bool:
    """Tell whether ``text`` may be the id of a share."""
    return bool(_SHARE_ID.fullmatch(text))
