"""`python -m tests.emulators aliyundrive_share`: a share link, and an own drive to read it by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.aliyun.options import add_aliyun_arguments, aliyun_settings
from tests.emulators.aliyun.site import AliyunSite
from tests.emulators.provider import Ready

if TYPE_CHECKING:
    import argparse

    from tests.emulators.pds.shares import Share


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_aliyun_arguments(parser)


def make(arguments: argparse.Namespace) -> ShareProvider:
    """Make a site as the command line wants it."""
    return ShareProvider(arguments)


class ShareProvider(AliyunSite):
    """The served directory is shared by another user; the owner's default drive is empty."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments.root, aliyun_settings(arguments), served="")
        self.main_share.password = arguments.share_password
        self._kind = arguments.token_kind

    def start(self, address: str) -> Ready:
        """Take note of the address."""
        super().start(address)
        hosts = f"{address}/{{host}}"
        code = self.main_share.password
        own = {
            "driver": "aliyundrive",
            "hosts": hosts,
            "drive": "default",
            "refresh_token": self.refresh_token(self._kind),
        }
        shared = {"driver": "aliyundrive_share", "hosts": hosts, "share": self.main_share.share_id}
        locked = {"share_password": code} if code else {}
        options = [f"hosts={hosts}", "via=own", *(f"{key}={text}" for key, text in locked.items())]
        return Ready(
            source=link(self.main_share),
            options=",".join(options),
            remotes={
                "own": own,
                "demo": shared | locked | {"via": "own"},
                "anonymous": shared | locked,
            },
            more={
                "expired": link(self.expired_share),
                "cancelled": link(self.cancelled_share),
                "share": self.main_share.share_id,
                "share_password": code,
                "root": self.root,
            },
        )


def link(share: Share) -> str:
    """The link as a person pastes it."""
    return f"https://www.alipan.com/s/{share.share_id}"
