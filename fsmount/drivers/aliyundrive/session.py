"""Calls that want a device session: made known when the provider says that it knows none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.drivers.aliyundrive import api
from fsmount.drivers.aliyundrive.codes import NoDeviceSession
from fsmount.errors import Denied

if TYPE_CHECKING:
    from fsmount.account.account import Account
    from fsmount.drivers.aliyundrive.hosts import Hosts
    from fsmount.model import Answer, Call


class DeviceSession:
    """Asks an account; where the device's session is gone it is made once, and asked again.

    That is no retry: the first answer says that the question itself lacked something, as one
    without a token would. Clients that live make a session only when told so (wire §4.3), and all
    processes of a host are one device, so it may be there already.

    Args:
        account: Signs with the device.
        hosts: Where the API is.
    """

    def __init__(self, account: Account, hosts: Hosts) -> None:
        self._account = account
        self._hosts = hosts
        self._made = 0

    async def call(self, family: str, call: Call) -> Answer:
        """Return the answer to ``call``; see ``Account.call``.

        Raises:
            Denied: The account has as many devices as it may.
            NoDeviceSession: The provider does not take the session that it has just made.
        """
        made = self._made
        try:
            return await self._account.call(family, call)
        except NoDeviceSession:
            if made == self._made:  # nobody has made one since this call was sent
                await self._create()
        return await self._account.call(family, call)

    async def _create(self) -> None:
        answer = await self._account.call("info", api.create_session_call(self._hosts))
        if not api.session_made(answer):
            raise Denied(
                "the account is signed in on as many devices as it may be",
                advice="remove one in the phone app (Settings, Account and security, Devices)",
            )
        self._made += 1
