"""`python -m tests.emulators aliyundrive`: an own drive, opened with the apps' tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.aliyun.options import add_aliyun_arguments, aliyun_settings
from tests.emulators.aliyun.site import AliyunSite
from tests.emulators.provider import Ready

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_aliyun_arguments(parser)


def make(arguments: argparse.Namespace) -> DriveProvider:
    """Make a site as the command line wants it."""
    return DriveProvider(arguments)


class DriveProvider(AliyunSite):
    """The served directory is the owner's default drive."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments.root, aliyun_settings(arguments))
        self.main_share.password = arguments.share_password
        self._kind = arguments.token_kind

    def start(self, address: str) -> Ready:
        """Take note of the address."""
        super().start(address)
        hosts = f"{address}/{{host}}"
        token = self.refresh_token(self._kind)
        drive = {"driver": "aliyundrive", "hosts": hosts, "drive": "default"}
        return Ready(
            source="demo",
            remotes={
                "demo": drive | {"refresh_token": token},
                "resource": drive
                | {"refresh_token": self.refresh_token(self._kind), "drive": "resource"},
                "unsigned": drive,
            },
            more={
                "refresh_token": token,
                "share": self.main_share.share_id,
                "share_password": self.main_share.password,
                "root": self.root,
                "user_id": self.owner.user_id,
            },
        )
