"""Opens one SOURCE without a kernel: what a mount and the command line have in common.

This is where the layers of one remote are put together: clients, health, governor, token, account,
driver, links. Everything that runs behind (token renewal, link calls) runs in the nursery of
``open_remote`` and ends with it.
"""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import trio

from fsmount import log as logs
from fsmount import source as sources
from fsmount.account import credentials
from fsmount.account.account import Account
from fsmount.account.governor import Governor
from fsmount.account.refresher import Refresher
from fsmount.drivers.base import Ability, DriverOptions, Quota
from fsmount.drivers.declared import declared
from fsmount.health import Health
from fsmount.net.client import NetSettings, open_api_client
from fsmount.net.stream import open_range_client
from fsmount.store.detections import Detections
from fsmount.store.directories import Directories, prepare
from fsmount.store.links import LinkStore
from fsmount.store.tokens import TokenFile, token_path
from fsmount.transfer.fetch import RemoteFile
from fsmount.transfer.links import open_links
from fsmount.vfs.filesystem import Member

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fsmount.account.account import Scheme
    from fsmount.config import Config
    from fsmount.drivers.base import Driver
    from fsmount.model import Entry
    from fsmount.net.client import ApiClient
    from fsmount.source import Source
    from fsmount.transfer.links import Links

_CLOSE_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """One open remote.

    Attributes:
        source: What was opened.
        driver: Lists, stats, links.
        account: Signs and paces the driver's calls.
        links: A usable link per file.
        health: State, reason, until.
        governor: Pace of the account, shared with other processes.
        member: The remote as ``vfs`` takes it.
    """

    source: Source
    driver: Driver
    account: Account
    links: Links
    health: Health
    governor: Governor
    member: Member


async def find_source(
    text: str, config: Config, overrides: Mapping[str, str], directories: Directories
) -> Source:
    """Return what ``text`` means, asking an unknown site who it is; raises as ``source.resolve``.

    The site is asked with the network settings among ``overrides`` (a proxy, a certificate).
    """
    generic = {name: overrides[name] for name in _GENERIC if name in overrides}
    try:
        options = msgspec.convert(generic, DriverOptions, strict=False)
    except msgspec.ValidationError:
        options = DriverOptions()  # ``resolve`` says which one is wrong, and how
    async with open_api_client(net_settings(options)) as api:
        return await sources.resolve(
            text,
            config,
            overrides,
            send=api.send,
            detections=Detections(directories.state / "detections.json"),
        )


_GENERIC = ("user_agent", "proxy", "ca_file", "insecure")


def net_settings(options: DriverOptions) -> NetSettings:
    """Return how a remote with these options is reached."""
    return NetSettings(
        user_agent=options.user_agent,
        proxy=options.proxy,
        ca_file=options.ca_file,
        insecure=options.insecure,
    )


@asynccontextmanager
async def open_remote(source: Source, directories: Directories | None) -> AsyncIterator[Remote]:
    """Open ``source``; asks the network nothing by itself.

    Args:
        source: What to open.
        directories: Where token, pace and links are kept; None keeps nothing beyond this block.

    Raises:
        UsageError: Its options or credentials cannot be used, or state is not ours to write.
        StoreFault: State cannot be read or written.
    """
    async with AsyncExitStack() as stack:
        if directories is None:
            directories = _nowhere(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        for state in (directories.state, directories.state / "governor"):
            await trio.to_thread.run_sync(prepare, state)
        _hide_secrets(source.options)
        _hide_secrets(source.signer)
        spec, options = source.spec, source.options
        settings = net_settings(options)
        api = await stack.enter_async_context(open_api_client(settings))
        ranges = await stack.enter_async_context(open_range_client(settings))
        health = Health(remote=source.name)
        governor = Governor(directories.state / "governor" / source.account_key, spec.limits)
        scheme = spec.scheme(options)
        refresher = await _refresher(source, scheme, api, directories)
        account = Account(
            name=source.name,
            scheme=scheme,
            refresher=refresher,
            governor=governor,
            send=api.send,
            health=health,
        )
        driver = spec.open(options, account)
        stack.push_async_callback(_close, driver)
        store = await trio.to_thread.run_sync(LinkStore, directories.state / "links.sqlite")
        stack.callback(store.close)
        links = await stack.enter_async_context(open_links(driver, store, source.identity))

        def file_source(entry: Entry) -> RemoteFile:
            return RemoteFile(
                entry,
                links=links,
                client=ranges,
                governor=governor,
                health=health,
                max_connections=options.max_connections,
            )

        own_ttl_s, share_ttl_s = spec.listing_ttl_s
        kind_ttl_s = share_ttl_s if source.is_share else own_ttl_s
        member = Member(
            name=source.name,
            identity=source.identity,
            domain=spec.trust_domain(options),
            driver=driver,
            source=file_source,
            health=health,
            listing_ttl_s=kind_ttl_s if options.listing_ttl_s is None else options.listing_ttl_s,
            has_quota=Ability.QUOTA in spec.abilities
            and isinstance(driver, Quota)
            and not source.is_share,
        )
        async with trio.open_nursery() as nursery:
            if refresher is not None:
                nursery.start_soon(refresher.run)
            yield Remote(
                source=source,
                driver=driver,
                account=account,
                links=links,
                health=health,
                governor=governor,
                member=member,
            )
            nursery.cancel_scope.cancel()


async def _refresher(
    source: Source, scheme: Scheme, api: ApiClient, directories: Directories
) -> Refresher | None:
    """Return what keeps the account's token fresh; None for a share that nobody signs."""
    tokens = TokenFile(token_path(directories, source.account_key))
    found = await credentials.resolve(
        msgspec.structs.asdict(source.signer),
        remote=source.signer_name,
        directory=directories.credentials,
    )
    for secret in (found.password, found.refresh_token, found.access_token):
        logs.keep_secret(secret)
    # An own drive has no other way than a login, and one that comes later is found by itself.
    anonymous = source.is_share and not source.options.auth and not found
    if anonymous and await trio.to_thread.run_sync(tokens.load) is None:
        return None
    return Refresher(scheme=scheme, tokens=tokens, credentials=found, send=api.send)


async def _close(driver: Driver) -> None:
    with trio.CancelScope(shield=True, deadline=trio.current_time() + _CLOSE_WITHIN_S):
        await driver.close()


def _hide_secrets(options: DriverOptions) -> None:
    for option in declared(type(options)):
        if option.sensitive or option.code:
            logs.keep_secret(str(getattr(options, option.name) or ""))


def _nowhere(directory: Path) -> Directories:
    return Directories(
        config_files=(), state=directory, cache=directory, runtime=directory, credentials=None
    )
