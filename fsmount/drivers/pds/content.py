"""What the storage behind PDS says instead of bytes: OSS, whose errors are XML.

Source: wire Aliyundrive §7.2, the same storage; PDS §6.2 for what differs.
"""

from __future__ import annotations

import re

from fsmount.errors import (
    ConnectionLimit,
    FsmountError,
    LinkExpired,
    NotFound,
    ProviderFault,
    Throttled,
)

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]{1,64})\s*</Code>")


def content_failure(status: int, body: bytes) -> FsmountError | None:
    """Return what an answer that brings no bytes amounts to; None when it says nothing known."""
    if b"ExceedMaxConcurrency" in body:
        return ConnectionLimit("the provider allows fewer downloads at once")
    found = _CODE.search(body) if b"<Error" in body else None
    if found is None:
        return None
    code = found[1].decode("ascii")
    match code:
        case "AccessDenied" | "InvalidAccessKeyId" | "SecurityTokenExpired":
            return LinkExpired(f"the link is over ({code})")
        case "SignatureDoesNotMatch" | "InvalidArgument":
            # A signed URL that a proxy on the way wrote anew; a new link shows whether it stays so.
            return LinkExpired(f"the storage refuses the link ({code})")
        case "NoSuchKey":
            return NotFound("the storage does not have the file any more")
        case "DownloadTrafficRateLimitExceeded" | "RequestRateLimitExceeded":
            return Throttled("the storage asks to slow down")
        case _ if status >= 500:
            return ProviderFault(f"the storage failed ({code})")
        case _:
            return None
