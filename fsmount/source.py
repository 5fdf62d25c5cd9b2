"""What a SOURCE means: the name of a remote or a mount, a pasted link, a driver's own address.

A link that only looks like one of a driver's (``https://some.site/s/ID``) is settled by asking the
site once; the answer is remembered per SOURCE, because boot has no network.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from fsmount import drivers
from fsmount.config import nearest
from fsmount.drivers.declared import declared
from fsmount.errors import StoreFault, TimedOut, Unreachable, UsageError
from fsmount.options import STANDARD
from fsmount.store.tokens import account_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Send
    from fsmount.config import Config, MountConfig, RemoteConfig
    from fsmount.drivers.base import DriverOptions, DriverSpec, LinkMatch
    from fsmount.errors import FsmountError
    from fsmount.store.detections import Detections

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Everything needed to open one remote.

    Attributes:
        name: Of the remote, for messages; a pasted link is its own name.
        driver: Name of its driver.
        spec: That driver's declaration.
        options: Its options, overrides applied.
        signer: The options whose credentials sign: ``options``, or those of the remote that
            ``auth = "ref:NAME"`` borrows.
        signer_name: Name of the remote that signs: its systemd credentials are called after it.
        signer_driver: Name of its driver, which may be another one of the same family.
        shown: The SOURCE as it may be shown: codes blanked.
        identity: Stable name of what is mounted, a file name: driver and a hash over site, place
            and, for an own drive, whose it is. Keys the persisted tree, inodes and blocks.
        account_key: Stable name of who signs, a file name: driver, site and a hash over site and
            login (a configured remote without one goes by its name, which ``login`` knows too).
            Keys token, pace and breaker.
        is_share: Its listings live longer, and it may need no login.
        via: The own drive through which its files are read; None where they are read directly.
    """

    name: str
    driver: str
    spec: DriverSpec
    options: DriverOptions
    signer: DriverOptions
    signer_name: str
    signer_driver: str
    shown: str
    identity: str
    account_key: str
    is_share: bool
    via: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A remote of a mount that cannot be opened: its siblings can.

    Attributes:
        name: Of the remote.
        identity: Stable name of the place where it would be.
        failure: What is wrong with its configuration.
    """

    name: str
    identity: str
    failure: FsmountError


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """Everything needed to open what one SOURCE shows: one remote, or several at their places.

    Attributes:
        name: For messages: that of the remote, or of the ``[mounts.NAME]``.
        shown: The SOURCE as it may be shown: codes blanked.
        identity: Stable name of the whole, a file name. A mount keeps it when its tree is edited:
            what is kept is keyed by remote within.
        places: Which remotes are shown at which path (``/films``), in order.
    """

    name: str
    shown: str
    identity: str
    places: Mapping[str, tuple[Source | Unusable, ...]]

    @property
    def sources(self) -> list[Source | Unusable]:
        """Each remote once, in the order in which they are written."""
        found = {source.identity: source for place in self.places.values() for source in place}
        return list(found.values())


def alone(source: Source) -> Arrangement:
    """Return the arrangement that shows ``source`` and nothing else."""
    return Arrangement(
        name=source.name,
        shown=source.shown,
        identity=source.identity,
        places={"/": (source,)},
    )


def arranged(name: str, config: Config, overrides: Mapping[str, str]) -> Arrangement:
    """Return what ``[mounts.NAME]`` shows; nobody has to be asked.

    Raises:
        UsageError: ``-o`` says anything of a remote: which one is meant? Or none of its remotes can
            be used.
    """
    for option in overrides:
        near = nearest(option, STANDARD)
        raise UsageError(
            f'"{name}" is a mount of several remotes, which takes no option "{option}"',
            advice=f'did you mean "{near}"?' if near else "write it to the remotes it is for",
        )
    tree = config.mounts[name].tree
    members = {each: _member(each, config) for names in tree.values() for each in names}
    failures = [each.failure for each in members.values() if isinstance(each, Unusable)]
    if len(failures) == len(members):
        raise failures[0]
    return Arrangement(
        name=name,
        shown=name,
        identity=account_key(name, f"mount\0{name}"),
        places={path: tuple(members[each] for each in names) for path, names in tree.items()},
    )


def _member(name: str, config: Config) -> Source | Unusable:
    try:
        return configured(name, config)
    except UsageError as exc:
        identity = account_key(name, f"unusable\0{name}")
        return Unusable(name=name, identity=identity, failure=exc)


async def resolve(
    text: str,
    config: Config,
    overrides: Mapping[str, str],
    *,
    send: Send | None,
    detections: Detections | None,
) -> Source:
    """Return what ``text`` means.

    Args:
        text: SOURCE as a person wrote or pasted it.
        config: The configured remotes.
        overrides: What ``-o`` said beyond the mount's own options; ``driver=`` decides where a
            link cannot.
        send: Asks an unknown site who it is; None when there is no network to ask.
        detections: Remembers what sites said; None asks again each time.

    Raises:
        UsageError: No remote, no link anyone knows, or an option that is not understood.
        FsmountError: The site was asked and failed in a way that says something.
    """
    text = text.strip()
    if text in config.mounts:
        raise UsageError(
            f'"{text}" is a mount of several remotes, and this is asked of one',
            advice=f"name one of {', '.join(_members(config.mounts[text]))}",
        )
    wanted = dict(overrides)
    driver = wanted.pop("driver", None)
    if text in config.remotes or text in config.broken:
        return configured(text, config, overrides)
    driver, match = await _recognised(text, config, driver, send, detections)
    spec = drivers.load(driver)
    found = msgspec.convert(dict(match.options), spec.options, strict=False)
    options = _overridden(found, wanted, spec)
    return _source(driver, options, shown=match.shown, config=config, remote="")


def configured(name: str, config: Config, overrides: Mapping[str, str] | None = None) -> Source:
    """Return what the configured remote ``name`` means; nobody has to be asked. See ``resolve``."""
    if name in config.broken:
        raise config.broken[name]
    remote = config.remotes[name]
    wanted = dict(overrides or {})
    if wanted.pop("driver", remote.driver) != remote.driver:
        raise UsageError(
            f'remote "{name}" is of driver {remote.driver}', advice="leave out -o driver="
        )
    options = _overridden(remote.options, wanted, drivers.load(remote.driver))
    return _source(remote.driver, options, shown=name, config=config, remote=name)


def names_shown(text: str) -> set[str]:
    """Return every way in which the SOURCE ``text`` may be shown; asks nobody."""
    text = text.strip()
    matches = (drivers.load(name).parse_link(text) for name in drivers.REGISTRY)
    return {text, *(match.shown for match in matches if match is not None)}


async def _recognised(
    text: str,
    config: Config,
    driver: str | None,
    send: Send | None,
    detections: Detections | None,
) -> tuple[str, LinkMatch]:
    candidates = {
        name: match
        for name in ([driver] if driver else drivers.REGISTRY)
        if (match := drivers.load(name).parse_link(text)) is not None
    }
    if not candidates:
        raise _not_understood(text, config, driver)
    for name, match in candidates.items():
        if match.certain or driver:
            return name, match
    remembered = detections.get(text) if detections else None
    if remembered in candidates:
        return remembered, candidates[remembered]
    answer = await _asked(candidates, send)
    if answer is None:
        # No answer: the only one that it may be is taken for now, so that a mount can wait for the
        # network; if the site is another kind after all, its first listing says so.
        if len(candidates) > 1:
            shown = next(iter(candidates.values())).shown
            raise UsageError(
                f'cannot tell what kind of site "{shown}" is without asking it',
                advice=f"say -o driver={' or -o driver='.join(candidates)}",
            )
        (answer,) = candidates
    elif detections:
        try:
            detections.put(text, answer)
        except StoreFault as exc:
            log.warning("what kind of site it is cannot be remembered: %s", exc)
    return answer, candidates[answer]


async def _asked(candidates: Mapping[str, LinkMatch], send: Send | None) -> str | None:
    """Return the driver whose kind of site it says it is; None when it cannot be asked now."""
    if send is None:
        return None
    for name, match in candidates.items():
        probe = drivers.load(name).probe
        if probe is None:
            continue
        try:
            if await probe(match.site or match.options["address"], send):
                return name
        except (Unreachable, TimedOut) as exc:
            log.debug("source=%s cannot be asked who it is: %s", match.shown, exc)
            return None
    shown = next(iter(candidates.values())).shown
    titles = " or ".join(drivers.load(name).title for name in candidates)
    raise UsageError(
        f'"{shown}" looks like a link of {titles}, but the site says it is something else',
        advice="check the address, or say -o driver=NAME if you are sure",
    )


def _not_understood(text: str, config: Config, driver: str | None) -> UsageError:
    if driver:
        return UsageError(
            f"driver {driver} does not understand this SOURCE as a link",
            advice=f'see "fsmount remotes example {driver}"',
        )
    if re.fullmatch(r"[\w.-]+", text):
        where = f"in {config.path}" if config.path else "and no configuration file"
        known = [*config.remotes, *config.mounts]
        near = nearest(text, known)
        names = ", ".join(known)
        return UsageError(
            f'there is no remote "{text}" {where}',
            advice=f'did you mean "{near}"?'
            if near
            else f"there are {names}"
            if names
            else 'write one (see "fsmount remotes example cloudreve") or paste a share link',
        )
    # Not repeated: what was pasted may hold a code that no driver could point out.
    return UsageError(
        "SOURCE is neither a configured remote nor a link that is understood",
        advice="paste a share link such as https://cloud.example.com/s/AbC1",
    )


def _members(mount: MountConfig) -> dict[str, None]:
    return dict.fromkeys(name for names in mount.tree.values() for name in names)


def _overridden(
    options: DriverOptions, wanted: Mapping[str, str], spec: DriverSpec
) -> DriverOptions:
    known = {option.name: option for option in declared(spec.options)}
    for name in wanted:
        if name not in known:
            # Mount options are among the candidates, for "-o alow_other".
            near = nearest(name, [*known, *STANDARD])
            raise UsageError(
                f'unknown option "{name}"',
                advice=f'did you mean "{near}"?'
                if near
                else f"{spec.title} knows {', '.join(_writable(spec))}",
            )
        if known[name].sensitive:
            raise UsageError(
                f"-o {name}=… is refused: everyone could read it in ps and /etc/fstab",
                advice='write it to a configuration file, or use "fsmount login REMOTE"',
            )
    changed = msgspec.structs.asdict(options) | dict(wanted)
    try:
        return msgspec.convert(changed, spec.options, strict=False)
    except msgspec.ValidationError as exc:
        what, _, place = str(exc).replace("`", "").partition(" - at $.")
        raise UsageError(f"-o {place}: {what[0].lower()}{what[1:]}") from exc


def _writable(spec: DriverSpec) -> list[str]:
    return [option.name for option in declared(spec.options) if not option.sensitive]


def _source(
    driver: str, options: DriverOptions, *, shown: str, config: Config, remote: str
) -> Source:
    spec = drivers.load(driver)
    site, login = spec.account(options)
    is_share = spec.is_share(options)
    signer, signer_name, signer_driver = options, remote, driver
    if options.auth:
        signer_name, lender = _lender(options.auth, spec, site, config)
        signer, signer_driver = lender.options, lender.driver
        login = drivers.load(signer_driver).account(signer)[1]
    who = login or signer_name
    whose = "" if is_share else who
    return Source(
        name=remote or shown,
        driver=driver,
        spec=spec,
        options=options,
        signer=signer,
        signer_name=signer_name or shown,
        signer_driver=signer_driver,
        shown=shown,
        identity=account_key(driver, "\0".join((driver, site, spec.place(options), whose))),
        account_key=account_key(
            f"{signer_driver} {urlsplit(site).hostname or site}",
            "\0".join((signer_driver, site, who)),
        ),
        is_share=is_share,
        via=_own_drive(spec, options, site, config),
    )


def _own_drive(
    spec: DriverSpec, options: DriverOptions, site: str, config: Config
) -> Source | None:
    """Return the own drive through which ``options`` want files to be read; None for none."""
    name = "" if spec.via is None else spec.via(options)
    if not name:
        return None
    if name in config.broken:
        raise config.broken[name]
    remote = config.remotes.get(name)
    if remote is None:
        near = nearest(name, config.remotes)
        raise UsageError(
            f'via = "{name}" names a remote that is not configured',
            advice=f'did you mean "{near}"?' if near else "add it to the configuration",
        )
    if remote.driver != spec.via_driver:
        raise UsageError(
            f'via = "{name}" is a remote of {drivers.load(remote.driver).title}, which cannot save '
            f"files of a share of {spec.title}",
            advice=f"name a remote of driver {spec.via_driver}",
        )
    if drivers.load(remote.driver).account(remote.options)[0] != site:
        raise UsageError(
            f'via = "{name}" is a drive of another site', advice=f"name a remote of {site}"
        )
    return configured(name, config)


def _lender(auth: str, spec: DriverSpec, site: str, config: Config) -> tuple[str, RemoteConfig]:
    prefix, _, name = auth.partition(":")
    if prefix != "ref" or not name:
        raise UsageError(f'auth = "{auth}" is not understood', advice='write auth = "ref:NAME"')
    if name in config.broken:
        raise config.broken[name]
    lender = config.remotes.get(name)
    if lender is None:
        near = nearest(name, config.remotes)
        raise UsageError(
            f'auth = "ref:{name}" names a remote that is not configured',
            advice=f'did you mean "ref:{near}"?' if near else "add it to the configuration",
        )
    lends = lender.driver == spec.name or lender.driver in spec.logins_of
    if not lends or drivers.load(lender.driver).account(lender.options)[0] != site:
        raise UsageError(
            f'auth = "ref:{name}": a login of one site is of no use at another',
            advice=f"name a remote of {site}",
        )
    return name, lender
