"""What the drivers of 115's cookie API have in common when they ask for links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.drivers.p115 import details, links
from fsmount.drivers.p115.cipher import M115
from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115.options import user_agent
from fsmount.drivers.p115.refusals import Elsewhere, OldAgent, Transient
from fsmount.errors import Changed, ProviderFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from fsmount.account.account import Account
    from fsmount.drivers.p115.options import FamilyOptions
    from fsmount.model import Answer, Call, Entry, Link


class Caller:
    """Asks for links with the agent that 115 wants, of one endpoint after the other.

    Beyond its options it keeps one thing: the User-Agent that 115 was found to ask for.

    Args:
        options: Of the remote.
        account: Whose calls these are.
        families: What paces calls for links, and for what they need to know.
    """

    def __init__(
        self, options: FamilyOptions, account: Account, *, families: tuple[str, str]
    ) -> None:
        self._account = account
        self._where = Hosts.parse(options.hosts)
        self._cipher = M115.parse(options.rsa_modulus)
        self._agent = user_agent(options)
        self._own_agent = bool(options.user_agent)
        self._max_connections = options.max_connections
        self._families = families

    async def _first_link(
        self, file: Entry, ways: Sequence[Callable[[Entry], Awaitable[Link]]]
    ) -> Link:
        """Return the link of the first endpoint that serves ``file``.

        Raises:
            Changed: None does: deleted meanwhile, or never readable.
            ProviderFault: None does now; asked again it may.
        """
        failure: Elsewhere | None = None
        for way in ways:
            try:
                return await way(file)
            except OldAgent:
                raise  # the others would look at the same User-Agent
            except Elsewhere as exc:
                failure = exc if isinstance(exc, Transient) else failure or exc
        if isinstance(failure, Transient):
            raise ProviderFault(failure.message, advice="try again") from failure
        raise Changed(
            f'115 gives no link of "{file.name}": it was deleted, or is no file that can be read'
        ) from failure

    async def _with_agent(self, asked: Callable[[str], Call]) -> Answer:
        """Ask for links, with the version of 115's newest client where 115 insists on one."""
        family, about = self._families
        try:
            return await self._account.call(family, asked(self._agent))
        except OldAgent:
            if self._own_agent:
                raise  # it was chosen by the user, and content is asked with it
            told = await self._account.call(about, details.version_call(self._where))
            newer = user_agent(None, details.read_version(told))
            if newer == self._agent:
                raise
            self._agent = newer
            return await self._account.call(family, asked(newer))

    def _link(self, url: str, answer: Answer) -> Link:
        if not url:
            raise Elsewhere("115 gave no link")
        return links.link_of(url, answer, agent=self._agent, max_connections=self._max_connections)
