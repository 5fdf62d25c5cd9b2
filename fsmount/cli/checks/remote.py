"""Whether a SOURCE works from here, step by step, and how fast.

Every step asks the provider as a mount would, through the same layers and at the same pace; a step
that needs one that failed is left out. What is read counts as a read at the provider's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio

from fsmount.cli.checks.finding import fail, ok, warn
from fsmount.cli.rows import local_time, size_text
from fsmount.cli.session import open_tree
from fsmount.drivers.base import Ability, ShareDetails
from fsmount.errors import FsmountError, known
from fsmount.model import Call
from fsmount.net.client import open_api_client
from fsmount.net.proxies import Proxies
from fsmount.remote import net_settings
from fsmount.store.directories import find_directories
from fsmount.store.tokens import TokenFile, token_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fsmount.cli.checks.finding import Finding
    from fsmount.cli.parameters import Invocation
    from fsmount.remote import Remote
    from fsmount.vfs.filesystem import Attributes, Filesystem

    Tell = Callable[[Finding], None]

_STEP_WITHIN_S = 30.0
_RESOLVE_WITHIN_S = 5.0
_SLOW_NAME_S = 1.0
# Lives of tokens and links are counted from the provider's own time, but certificates are not.
_SKEW_S = 120.0

# A seek feels slow beyond it, and transcoders give up a few times later.
_FIRST_BYTE_S = 2.0
_MEASURE_BYTES = 48 * 1024**2
_MEASURE_S = 8.0
_CHUNK = 1024**2
_SMALL_FILE = 4 * 1024**2
_ENOUGH_S = 2.0
_FOLDERS = 20

FILM_4K = 10_000_000
"""Bytes a second of a 4K remux: 80 Mbit/s."""

FILM_1080P = 1_250_000
"""Bytes a second of a good 1080p film: 10 Mbit/s."""


async def check_source(
    invocation: Invocation, text: str, options: Sequence[str], tell: Tell
) -> None:
    """Tell what there is to say about the SOURCE ``text``, as it is found out."""
    try:
        async with open_tree(invocation, text, options) as (assembly, filesystem):
            for remote in assembly.remotes:
                await _check_remote(remote, tell)
            for member in assembly.unusable:
                tell(fail(member.name, member.health.report.reason))
            await _check_content(filesystem, assembly.remote_of, tell)
    except Exception as exc:  # groups are looked into; what is not ours goes on
        if (ours := known(exc)) is None:
            raise
        tell(fail("source", ours.message, ours.advice))


async def _check_remote(remote: Remote, tell: Tell) -> None:
    source = remote.source
    kind = "share" if source.is_share else "drive"
    tell(ok("source", f"{source.shown}: a {kind} of {source.spec.title}"))
    site = source.spec.account(source.options)[0]
    url = site if "://" in site else f"https://{site}"
    if "." in (urlsplit(url).hostname or ""):
        await _check_way(remote, url, tell)
    tell(await _token(remote))
    if source.is_share:
        tell(await _share(remote))


async def _check_way(remote: Remote, url: str, tell: Tell) -> None:
    """Tell of proxy, name and clock: the way to the provider's site."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = Proxies(remote.source.options.proxy).of(parts.scheme, host)
    if proxy:
        tell(ok("DNS", f"left to the proxy at {urlsplit(proxy).hostname}"))
    else:
        tell(await _name(host))
    begun = time.monotonic()
    try:
        async with open_api_client(net_settings(remote.source.options)) as api:
            answer = await api.send(Call(method="GET", url=url))
    except FsmountError as exc:
        tell(fail("site", exc.message, exc.advice or "look at network, proxy and certificate"))
        return
    tell(ok("site", f"{host} answers in {time.monotonic() - begun:.2f} s"))
    if "date" in answer.headers:
        skew_s = time.time() - answer.date
        said = f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} {host}"
        if abs(skew_s) > _SKEW_S:
            tell(warn("clock", said, "timedatectl set-ntp true"))
        else:
            tell(ok("clock", said))


async def _name(host: str) -> Finding:
    begun = time.monotonic()
    try:
        with trio.fail_after(_RESOLVE_WITHIN_S):
            found = await trio.socket.getaddrinfo(host, None)
    except trio.TooSlowError:
        return fail("DNS", f"{host}: no answer in {_RESOLVE_WITHIN_S:.0f} s", "look at resolv.conf")
    except OSError as exc:
        return fail("DNS", f"{host}: {exc.strerror or exc}", "look at /etc/resolv.conf")
    took_s = time.monotonic() - begun
    addresses = len({row[4][0] for row in found})
    said = f"{host} has {addresses} address{'es' * (addresses != 1)}, told in {took_s:.2f} s"
    return (
        warn("DNS", said, "use a nearer name server") if took_s > _SLOW_NAME_S else ok("DNS", said)
    )


async def _token(remote: Remote) -> Finding:
    source = remote.source
    path = token_path(find_directories(), source.account_key)
    try:
        token = await trio.to_thread.run_sync(TokenFile(path).load)
    except FsmountError as exc:
        return fail("token", exc.message, exc.advice)
    if token is None:
        if source.is_share and not source.options.auth:
            return ok("token", "none is needed")
        return warn(
            "token", "nobody has signed in yet", f'run "fsmount login {source.signer_name}"'
        )
    ends = token.refresh_expires_at or token.access_expires_at
    if ends is None:
        return ok("token", "kept; its end is not told")
    if ends < time.time():
        return warn(
            "token",
            f"ended {local_time(int(ends * 1e9))}",
            f'run "fsmount login {source.signer_name}" unless a password is configured',
        )
    return ok("token", f"kept; renewed by itself, at the latest by {local_time(int(ends * 1e9))}")


async def _share(remote: Remote) -> Finding:
    driver = remote.driver
    if Ability.SHARE_INFO not in remote.source.spec.abilities or not isinstance(
        driver, ShareDetails
    ):
        return ok("share", f"shares of {remote.source.spec.title} tell nothing about themselves")
    try:
        with trio.fail_after(_STEP_WITHIN_S):
            told = await driver.share_info()
    except trio.TooSlowError:
        return fail("share", f"no answer in {_STEP_WITHIN_S:.0f} s")
    except FsmountError as exc:
        return fail("share", exc.message, exc.advice)
    if told.expired:
        return fail("share", "is over", "ask whoever shared it for a new one")
    if told.locked:
        return fail("share", "wants another code", "copy link and code again")
    end = f"until {local_time(told.expires_ns)}" if told.expires_ns else "without an end"
    left = "" if told.downloads_left is None else f", {told.downloads_left} downloads left"
    return ok("share", f"open {end}{left}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: str
    node: Attributes


async def _check_content(
    filesystem: Filesystem,
    remote_of: Callable[[Filesystem, Attributes], Remote],
    tell: Tell,
) -> None:
    """Tell of listing, link and speed of the largest file that is found near the root."""
    begun = time.monotonic()
    try:
        with trio.fail_after(_STEP_WITHIN_S):
            found = await _largest(filesystem)
    except trio.TooSlowError:
        tell(fail("listing", f"no answer in {_STEP_WITHIN_S:.0f} s"))
        return
    except FsmountError as exc:
        tell(fail("listing", exc.message, exc.advice))
        return
    tell(ok("listing", f"took {time.monotonic() - begun:.2f} s"))
    if found is None:
        tell(ok("link", "there is no file near the root to try"))
        return
    begun = time.monotonic()
    try:
        with trio.fail_after(_STEP_WITHIN_S):
            link = await remote_of(filesystem, found.node).direct_link(found.node)
    except trio.TooSlowError:
        tell(fail("link", f"no answer in {_STEP_WITHIN_S:.0f} s"))
        return
    except FsmountError as exc:
        tell(fail("link", exc.message, exc.advice))
        return
    life_s = link["lifetime_s"]
    lives = f", lives {life_s / 60:.0f} min" if isinstance(life_s, float) else ""
    tell(ok("link", f"of {found.path} in {time.monotonic() - begun:.2f} s{lives}"))
    await _check_speed(filesystem, found, tell)


async def _largest(filesystem: Filesystem) -> _File | None:
    """Return the largest file of the first folders that hold any."""
    folders = [("", await filesystem.find(""))]
    if not folders[0][1].is_folder:
        return _File(path=folders[0][1].entry.name, node=folders[0][1])
    best: _File | None = None
    for _ in range(_FOLDERS):
        if not folders or (best is not None and best.node.size >= _SMALL_FILE):
            break
        prefix, folder = folders.pop(0)
        handle = filesystem.open_folder(folder.inode)
        try:
            for row in await handle.read(0, 500):
                path = f"{prefix}/{row.name}" if prefix else row.name
                if row.attributes.is_folder:
                    folders.append((path, row.attributes))
                elif best is None or row.attributes.size > best.node.size:
                    best = _File(path=path, node=row.attributes)
        finally:
            handle.close()
    return best


async def _check_speed(filesystem: Filesystem, file: _File, tell: Tell) -> None:
    handle = filesystem.open_file((await filesystem.find(file.path)).inode)
    count, first_s, begun = 0, 0.0, time.monotonic()
    at_first = 0
    try:
        with trio.move_on_after(_MEASURE_S):
            while count < _MEASURE_BYTES:
                data = await handle.read(count, _CHUNK)
                if not data:
                    break
                count += len(data)
                if not first_s:
                    first_s, at_first = time.monotonic() - begun, count
        took_s = time.monotonic() - begun
    except FsmountError as exc:
        tell(fail("reading", exc.message, exc.advice))
        return
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1.0):
            await handle.close()
    if not first_s:
        tell(fail("reading", f"no byte in {_MEASURE_S:.0f} s"))
        return
    said = f"after {first_s:.2f} s"
    slow = first_s > _FIRST_BYTE_S
    tell(warn("first byte", f"{said}: seeking feels slow") if slow else ok("first byte", said))
    tell(speed(count - at_first, max(took_s - first_s, 1e-3)))


def speed(count: int, took_s: float) -> Finding:
    """Return what ``count`` bytes in ``took_s`` seconds are enough for."""
    if count < _SMALL_FILE and took_s < _ENOUGH_S:
        return ok("speed", "the file is too small to tell")
    rate = count / took_s
    said = f"{rate / 1e6:.1f} MB/s ({size_text(count)} in {took_s:.1f} s)"
    if rate >= FILM_4K:
        return ok("speed", f"{said}: enough for a 4K remux ({FILM_4K / 1e6:.0f} MB/s)")
    advice = "the provider may slow this account down; compare with its own client"
    if rate >= FILM_1080P:
        return warn("speed", f"{said}: enough for 1080p, not for a 4K remux", advice)
    return warn("speed", f"{said}: not enough for 1080p ({FILM_1080P / 1e6:.2f} MB/s)", advice)
