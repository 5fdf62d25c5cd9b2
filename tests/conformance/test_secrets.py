"""No driver lets a secret out: not in a failure, its causes or its advice, not in what is shown."""

from __future__ import annotations

import dataclasses
import itertools
import json
import traceback
from urllib.parse import parse_qsl, urlsplit

import pytest

from fsmount.config import load_config
from fsmount.drivers.base import BatchLinks, Quota, ShareDetails
from fsmount.drivers.declared import declared
from fsmount.errors import FsmountError
from tests.conformance.cloudreve import DRIVE, LOCKED, SHARE, TOKEN
from tests.conformance.tree import walk
from tests.emulators.faults import Fault

FAULTS = (
    Fault(action="drop"),
    Fault(action="half_body"),
    Fault(action="html"),
    Fault(action="short_body"),
    Fault(action="status", status=500),
    *(Fault(action="error_code", code=code) for code in (403, 404, 40001, 40016, 40069, -1)),
)


def everything_about(exc):
    """Return all that a log, a traceback or a report may show of a failure."""
    chain, each = [], exc
    while each is not None:
        chain += [str(each), repr(each), repr(each.args), getattr(each, "advice", "")]
        each = each.__cause__ or each.__context__
    return "\n".join([*chain, *traceback.format_exception(exc)])


def secrets_of(world, links):
    """Return every secret of the world: what was configured, given out, or signed."""
    found = {world.case.code} if world.case.code else set()
    for remote in load_config(world.emulator.config, world.directories).remotes.values():
        for option in declared(type(remote.options)):
            if (option.sensitive or option.code) and getattr(remote.options, option.name):
                found.add(getattr(remote.options, option.name))
    for path in world.state.glob("tokens/*.json"):
        token = json.loads(path.read_bytes())
        found |= {token["access"], token["refresh"]} - {""}
    for link in links:
        found |= {value for _, value in parse_qsl(urlsplit(link.url).query) if len(value) > 8}
    return found


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(FAULTS, marks=pytest.mark.logs("remote="), id="trouble"),
        pytest.param(
            (Fault(action="status", status=403),),
            marks=pytest.mark.logs("remote=", "shut us out"),
            id="blocked",
        ),
        pytest.param((Fault(action="error_code", code=401),), id="login refused"),
    ],
)
@pytest.mark.parametrize("case", [DRIVE, TOKEN, SHARE, LOCKED], ids=str)
async def test_no_failure_tells_a_secret(world, faults, caplog, request):
    """Every call under every kind of trouble, its causes and the log of all of it included."""
    caplog.set_level("DEBUG", logger="fsmount")
    if faults[0].code == 401 and world.case.signed:
        request.applymarker(pytest.mark.logs("is login lost"))
    said = []
    async with world.opened(keep=True) as remote:
        driver = remote.driver
        file = (await walk(driver))["plain.txt"]
        calls = [
            ("list", lambda: driver.list(driver.root, None)),
            ("stat", lambda: driver.stat(file)),
            ("link", lambda: driver.link(file, fresh=True)),
        ]
        if isinstance(driver, BatchLinks):
            calls.append(("link", lambda: driver.links([file])))
        if isinstance(driver, Quota) and not world.case.share:
            calls.append(("space", driver.space))
        if isinstance(driver, ShareDetails) and world.case.share:
            calls.append(("share info", driver.share_info))
        link = await driver.link(file)
        secrets = secrets_of(world, [link])
        for fault, (name, call) in itertools.product(faults, calls):
            world.emulator.faults.clear()
            world.emulator.faults.add(dataclasses.replace(fault, kind=world.case.kinds[name]))
            try:
                await call()
            except FsmountError as exc:
                said.append(everything_about(exc))
    assert len(said) > len(faults)
    assert len(secrets) >= 1 + 3 * world.case.signed
    for secret in secrets:
        assert not any(secret in text for text in said)
        assert secret not in caplog.text


@pytest.mark.parametrize("case", [DRIVE, TOKEN, SHARE, LOCKED], ids=str)
async def test_nothing_that_is_shown_holds_a_secret(world):
    """Entries, pages, links, the source, its options: whatever ends up in a report by its repr."""
    async with world.opened(keep=True) as remote:
        driver = remote.driver
        page = await driver.list(driver.root, None)
        file = next(entry for entry in page.entries if entry.name == "plain.txt")
        link = await driver.link(file)
        shown = [repr(remote), repr(remote.source), repr(remote.account), repr(driver)]
        shown += [repr(page), repr(await driver.stat(file)), repr(driver.root), repr(link)]
        shown += [remote.source.shown, remote.source.identity, remote.source.account_key]
        shown.append(repr(remote.source.spec.scheme(remote.source.options)))
        if isinstance(driver, ShareDetails) and world.case.share:
            shown.append(repr(await driver.share_info()))
        secrets = secrets_of(world, [link])
    for secret in secrets:
        assert not any(secret in text for text in shown)
