"""Opens one SOURCE without a kernel: what a mount and the command line have in common.

This is where the layers of one remote are put together: clients, health, governor, token, account,
driver, links. Everything that runs behind (token renewal, link calls) runs in the nursery of
``open_remote`` and ends with it.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import msgspec
import trio

from fsmount import drivers
from fsmount import log as logs
from fsmount import source as sources
from fsmount.account import credentials
from fsmount.account.account import Account
from fsmount.account.governor import Governor
from fsmount.account.refresher import Refresher
from fsmount.drivers.base import (
    Ability,
    BatchLinks,
    DriverOptions,
    FolderSizes,
    Quota,
    ReadsContentErrors,
    ShareDetails,
    Thumbnails,
)
from fsmount.drivers.declared import declared
from fsmount.errors import FsmountError, IsFolder, NotSupported, UsageError
from fsmount.health import Health
from fsmount.lives import ShareEnd, lives
from fsmount.model import Priority, priority
from fsmount.net.client import NetSettings, open_api_client
from fsmount.net.stream import open_range_client
from fsmount.store.detections import Detections
from fsmount.store.directories import prepare
from fsmount.store.links import LinkStore
from fsmount.store.tokens import TokenFile, token_path
from fsmount.transfer.fetch import RemoteFile
from fsmount.transfer.links import open_links
from fsmount.transfer.rewrite import LinkRewrite
from fsmount.transfer.staging import open_staging
from fsmount.vfs.filesystem import Member

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from fsmount.account.account import Scheme
    from fsmount.config import Config
    from fsmount.drivers.base import Driver
    from fsmount.model import Entry, Space
    from fsmount.net.client import ApiClient
    from fsmount.source import Source
    from fsmount.store.directories import Directories
    from fsmount.transfer.links import Links
    from fsmount.transfer.staging import OwnDrive, Share, Staging
    from fsmount.vfs.filesystem import Attributes

log = logging.getLogger(__name__)

_CLOSE_WITHIN_S = 2.0
# Of the 10 s that a mount may take to stand: a site that does not answer is taken for what its
# link looks like.
_PROBE_WITHIN_S = 5.0

# A command that only lists has ended by then; nobody asks df in the first second of a mount.
_FIRST_SPACE_AFTER_S = 1.0
_SPACE_EVERY_S = 300.0


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
        capacity: What the provider last told of its space.
        share_end: What it last told of the end of the share.
    """

    source: Source
    driver: Driver
    account: Account
    links: Links
    health: Health
    governor: Governor
    member: Member
    capacity: Capacity
    share_end: ShareEnd

    def lives(self) -> dict[str, object]:
        """Return how long its login and share hold, as ``lives.lives`` tells it; asks nobody."""
        return lives(self.source.name, self.account.ends(), self.share_end)

    async def direct_link(self, file: Attributes) -> dict[str, object]:
        """Return a file's direct link as plain data: url, headers, lifetime_s (None: no end).

        An account secret: only for whoever asks for it by name.

        Raises:
            IsFolder: Folders have none.
        """
        if file.is_folder:
            raise IsFolder(
                f'"{file.entry.name or "/"}" is a folder', advice="only files have links"
            )
        link = await self.links.get(file.entry)
        agent = {"User-Agent": self.source.options.user_agent}
        if not agent["User-Agent"] or any(name.lower() == "user-agent" for name in link.headers):
            agent = {}
        return {
            "url": link.url,
            "headers": {**agent, **link.headers},
            "lifetime_s": self.links.remaining_s(file.entry),
        }

    async def below(self, folder: Attributes) -> dict[str, object]:
        """Return what is below a folder as its provider counts it (``FolderSize``); costs a call.

        Empty when the provider cannot tell now.

        Raises:
            NotSupported: The provider never tells it, or not of this folder.
            NotFolder: It is a file.
        """
        driver = self.driver
        offered = Ability.FOLDER_SIZES in self.source.spec.abilities
        if not offered or not isinstance(driver, FolderSizes):
            raise NotSupported(f"{self.source.spec.title} does not tell how much is below a folder")
        counted = await driver.folder_size(folder.entry)
        return {} if counted is None else msgspec.structs.asdict(counted)

    async def thumbnail(self, file: Attributes) -> str:
        """Return the URL of a small picture of a file. An account secret; it costs a call.

        Raises:
            NotSupported: The provider makes none, or none of this file.
            IsFolder: Folders have none.
        """
        driver = self.driver
        offered = Ability.THUMBNAILS in self.source.spec.abilities
        if not offered or not isinstance(driver, Thumbnails):
            raise NotSupported(f"{self.source.spec.title} makes no thumbnails")
        return (await driver.thumbnail(file.entry)).url


def describe(path: str, node: Attributes, *, cached: int | None = None) -> dict[str, object]:
    """Return what is known about a node, as plain data; asks nobody.

    Args:
        path: Of the node, as shown.
        node: A file or folder.
        cached: Bytes of a file that are at hand; None where nothing is kept, and for folders.
    """
    return {
        "path": path or "/",
        "name": node.entry.name,
        "kind": str(node.entry.kind),
        "size": node.size,
        "mtime_ns": node.mtime_ns,
        "inode": node.inode,
        "id": node.entry.id,
        "version": node.entry.version,
        "digest": node.entry.digest,
        "cached": cached,
    }


class Capacity:
    """The space of one remote, asked behind: ``df`` takes what was last told.

    Args:
        quota: Tells it; None when the remote has no capacity of its own (a share).
    """

    def __init__(self, quota: Quota | None) -> None:
        self._quota = quota
        self._told: Space | None = None

    def last(self) -> Space | None:
        """Return what was told last, without asking; None until something was."""
        return self._told

    async def update(self) -> None:
        """Ask now; a failure is logged and leaves what was told before."""
        if self._quota is None:
            return
        try:
            self._told = await self._quota.space()
        except FsmountError as exc:
            log.debug("the capacity is not to be had now: %s", exc)

    async def run(self) -> None:
        """Ask now and then, for ever."""
        priority.set(Priority.PREFETCH)
        await trio.sleep(_FIRST_SPACE_AFTER_S)
        while True:
            await self.update()
            await trio.sleep(_SPACE_EVERY_S)


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
    settings = replace(net_settings(options), answer_within_s=_PROBE_WITHIN_S)
    async with open_api_client(settings) as api:
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

    What the block raises arrives in an exception group (``errors.known`` looks into those).

    Args:
        source: What to open.
        directories: Where token, pace and links are kept; None keeps nothing beyond this block.

    Raises:
        UsageError: Its options or credentials cannot be used, or state is not ours to write.
        StoreFault: State cannot be read or written.
    """
    async with AsyncExitStack() as stack:
        state = None if directories is None else directories.state
        if state is not None:
            await trio.to_thread.run_sync(prepare, state)
            await trio.to_thread.run_sync(prepare, state / "governor")
        _hide_secrets(source.options)
        _hide_secrets(source.signer)
        spec, options = source.spec, source.options
        rewrite = _rewrite(options)
        settings = net_settings(options)
        api = await stack.enter_async_context(open_api_client(settings))
        ranges = await stack.enter_async_context(open_range_client(settings))
        health = Health(remote=source.name)
        governor = Governor(state and state / "governor" / source.account_key, spec.limits)
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
        store = None
        if state is not None:
            store = await trio.to_thread.run_sync(LinkStore, state / "links.sqlite")
            stack.callback(store.close)
        staging, pace = None, governor
        if source.via is not None:
            own = await stack.enter_async_context(open_remote(source.via, directories))
            staging = await stack.enter_async_context(_open_staging(driver, own, source, state))
            # Its links die with its copies, so they are not kept; content is the own drive's.
            store, pace = None, own.governor
        linking = driver if staging is None else staging
        links = await stack.enter_async_context(open_links(linking, store, source.identity))
        content = driver if staging is None else own.driver
        classify = content.classify_content if isinstance(content, ReadsContentErrors) else None

        def file_source(entry: Entry) -> RemoteFile:
            if staging is not None:
                staging.opened(entry)
            return RemoteFile(
                entry,
                links=links,
                client=ranges,
                governor=pace,
                health=health,
                max_connections=options.max_connections,
                classify=classify,
                rewrite=rewrite,
                closed=None if staging is None else staging.closed,
            )

        may_tell = Ability.QUOTA in spec.abilities and not source.is_share
        quota = driver if may_tell and isinstance(driver, Quota) else None
        capacity = Capacity(quota)
        tells_end = source.is_share and Ability.SHARE_INFO in spec.abilities
        share_end = ShareEnd(driver if tells_end and isinstance(driver, ShareDetails) else None)
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
            has_quota=quota is not None,
            space=capacity.last,
            sort=options.sort,
            account=source.account_key,
            prepare=links.prepare if isinstance(driver, BatchLinks) else None,
        )
        async with trio.open_nursery() as nursery:
            if quota is not None:
                nursery.start_soon(capacity.run)
            nursery.start_soon(share_end.run)
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
                capacity=capacity,
                share_end=share_end,
            )
            nursery.cancel_scope.cancel()


def _open_staging(
    driver: Driver, own: Remote, source: Source, state: Path | None
) -> AbstractAsyncContextManager[Staging]:
    """Return what reads the share's files through the remote ``own``."""
    assert source.via is not None
    # ``source.resolve`` has settled which driver the remote is of.
    return open_staging(
        cast("Share", driver),
        cast("OwnDrive", own.driver),
        name=source.via.name,
        directory=state and state / "staging" / source.via.identity,
    )


async def _refresher(
    source: Source, scheme: Scheme, api: ApiClient, directories: Directories | None
) -> Refresher | None:
    """Return what keeps the account's token fresh; None for a share that nobody signs."""
    spec = source.spec
    if spec.credentials is not None:
        # Bought with a share's code whenever it is needed; two shares must not share one.
        return Refresher(
            scheme=scheme,
            tokens=None,
            credentials=spec.credentials(source.options),
            send=api.send,
            name=source.name,
        )
    tokens = None
    if directories is not None:
        tokens = TokenFile(token_path(directories, source.account_key))
    found = await credentials.resolve(
        msgspec.structs.asdict(source.signer),
        remote=source.signer_name,
        directory=directories.credentials if directories else None,
    )
    secrets = (found.password, found.refresh_token, found.access_token, found.private_key)
    for secret in secrets:
        logs.keep_secret(secret)
    # An own drive has no other way than a login, and one that comes later is found by itself.
    if source.is_share and not source.options.auth and not found:
        kept = None if tokens is None else await trio.to_thread.run_sync(tokens.load)
        if kept is None:
            return None
    # A borrowed login is renewed as its lender would: with that one's application.
    scheme = drivers.load(source.signer_driver).scheme(source.signer)
    return Refresher(
        scheme=scheme, tokens=tokens, credentials=found, send=api.send, name=source.signer_name
    )


def _rewrite(options: DriverOptions) -> LinkRewrite | None:
    if options.download == "direct":
        return None
    if not options.download_proxy_url:
        raise UsageError(
            'download = "proxy_url" wants a download_proxy_url',
            advice='it is a template such as "https://proxy.example/get?u={url_quoted}"',
        )
    return LinkRewrite(options.download_proxy_url)


async def _close(driver: Driver) -> None:
    with trio.CancelScope(shield=True, deadline=trio.current_time() + _CLOSE_WITHIN_S):
        await driver.close()


def _hide_secrets(options: DriverOptions) -> None:
    for option in declared(type(options)):
        if option.sensitive or option.code:
            logs.keep_secret(str(getattr(options, option.name) or ""))
