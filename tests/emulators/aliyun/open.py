"""`python -m tests.emulators aliyundrive_open`: an own drive, opened as an application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.aliyun.open_auth import CLIENT_ID, CLIENT_SECRET, RELAY_CLIENT_ID
from tests.emulators.aliyun.options import add_aliyun_arguments, aliyun_settings
from tests.emulators.aliyun.site import AliyunSite
from tests.emulators.provider import Ready

if TYPE_CHECKING:
    import argparse

# Calls in 10 s (Open §6).
_LIST_RATE, _LINK_RATE, _OTHER_RATE = 40, 10, 150
_RELAY = "api.oplist.org/alicloud/renewapi"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_aliyun_arguments(parser)
    add = parser.add_argument
    add("--drive", choices=("default", "resource"), default="resource", help="which is served")
    add("--list-rate", type=int, default=_LIST_RATE, help="listings in 10 s; 0: no limit")
    add("--link-rate", type=int, default=_LINK_RATE, help="links in 10 s; 0: no limit")
    add("--other-rate", type=int, default=_OTHER_RATE, help="other calls in 10 s; 0: no limit")


def make(arguments: argparse.Namespace) -> OpenProvider:
    """Make a site as the command line wants it."""
    return OpenProvider(arguments)


class OpenProvider(AliyunSite):
    """The served directory is the owner's resource drive, or the default one."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        settings = aliyun_settings(arguments)
        settings.list_rate = arguments.list_rate
        settings.link_rate = arguments.link_rate
        settings.other_rate = arguments.other_rate
        self._drive = arguments.drive
        served = "backup" if self._drive == "default" else self._drive
        super().__init__(arguments.root, settings, served=served)

    def start(self, address: str) -> Ready:
        """Take note of the address."""
        super().start(address)
        drive = {
            "driver": "aliyundrive_open",
            "hosts": f"{address}/{{host}}",
            "drive": self._drive,
        }
        own = drive | {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        relayed = drive | {"relay": f"{address}/{_RELAY}"}
        token = self.refresh_token("open", CLIENT_ID)
        return Ready(
            source="demo",
            remotes={
                "demo": own | {"refresh_token": token},
                "demo-default": own
                | {"refresh_token": self.refresh_token("open", CLIENT_ID), "drive": "default"},
                "demo-relay": relayed
                | {"refresh_token": self.refresh_token("open", RELAY_CLIENT_ID)},
                "unsigned": own,
            },
            more={
                "refresh_token": token,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "relay": relayed["relay"],
                "root": self.root,
                "user_id": self.owner.user_id,
            },
        )
