"""What a driver declares is what it is."""

from __future__ import annotations

import ast
import importlib
import pathlib

import pytest
import trio

from fsmount import drivers
from fsmount.drivers.base import (
    Ability,
    BatchLinks,
    CancelsShares,
    CreatesShares,
    DriverOptions,
    FolderSizes,
    GivesSharePass,
    ListsShares,
    OfflineDownloads,
    Quota,
    ReadsContentErrors,
    SavesShares,
    ShareDetails,
    StagesReads,
    Thumbnails,
    UpdatesShares,
)
from fsmount.drivers.declared import declared
from tests.conformance.cases import CASES
from tests.conformance.cloudreve import DRIVE, SHARE

PROTOCOLS = {
    Ability.QUOTA: Quota,
    Ability.BATCH_LINKS: BatchLinks,
    Ability.SHARE_INFO: ShareDetails,
    Ability.CONTENT_ERRORS: ReadsContentErrors,
    Ability.FOLDER_SIZES: FolderSizes,
    Ability.THUMBNAILS: Thumbnails,
    Ability.OFFLINE: OfflineDownloads,
    Ability.SHARE_CREATE: CreatesShares,
    Ability.SHARE_LIST: ListsShares,
    Ability.SHARE_UPDATE: UpdatesShares,
    Ability.SHARE_CANCEL: CancelsShares,
    Ability.SHARE_PASS: GivesSharePass,
    Ability.SHARE_SAVE: SavesShares,
    Ability.STAGING: StagesReads,
}
DRIVERS = sorted(drivers.REGISTRY)


def sources(name):
    """Yield the syntax trees of a driver's modules."""
    package = pathlib.Path(importlib.import_module(drivers.REGISTRY[name]).__file__).parent
    for path in package.glob("*.py"):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


async def test_abilities_are_implemented_exactly_as_declared(world):
    """Nothing promised that is missing, nothing there that is not declared."""
    async with world.opened() as remote:
        found = {each for each, kind in PROTOCOLS.items() if isinstance(remote.driver, kind)}
    spec = world.case.spec
    if spec.login is not None:
        found.add(Ability.LOGIN)
    assert found == spec.abilities


def test_every_ability_is_looked_at():
    """A new one must be given its protocol here."""
    assert set(PROTOCOLS) | {Ability.LOGIN} == set(Ability)


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_has_a_case(name):
    """No driver escapes this suite."""
    assert name in {case.provider for case in CASES}


@pytest.mark.parametrize("name", DRIVERS)
def test_drivers_have_no_clock_no_tasks_and_no_files(name):
    """They never retry, sleep, cache or start a task: they do not even import what it takes."""
    forbidden = {"trio", "anyio", "asyncio", "threading", "time", "httpx", "sqlite3", "tempfile"}
    used = set()
    for _, tree in sources(name):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                used.add(node.module.split(".")[0])
    assert not used & forbidden


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_has_the_same_modules(name):
    """Sameness is the feature."""
    assert {"api.py", "auth.py", "driver.py"} <= {path.name for path, _ in sources(name)}


@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_no_call_leaves_a_task_behind(world):
    """Whatever a call started has ended when it returns."""
    async with world.opened() as remote:
        await remote.driver.list(remote.driver.root, None)
        before = trio.lowlevel.current_statistics().tasks_living
        page = await remote.driver.list(remote.driver.root, None)
        await remote.driver.stat(page.entries[0])
        assert trio.lowlevel.current_statistics().tasks_living == before


@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_a_share_that_fits_a_page_is_listed_in_one_call(world):
    """The first listing of a mount costs that call and the sign-in, nothing else."""
    async with world.opened() as remote:
        await remote.driver.list(remote.driver.root, None)
    requests = world.requests()
    assert requests.pop(world.case.kinds["list"]) == 1
    assert sum(requests.values()) <= (1 if world.case.signed else 0)


async def test_closing_twice_is_closing(world):
    """Composition closes once, an error path may close again."""
    async with world.opened() as remote:
        await remote.driver.close()
        await remote.driver.close()


@pytest.mark.parametrize("name", DRIVERS)
def test_every_option_has_its_help(name):
    """Configuration, cli and README are made from it."""
    spec = drivers.load(name)
    assert issubclass(spec.options, DriverOptions)
    assert all(option.help for option in declared(spec.options))
    assert spec.name == name
    assert spec.title
    assert f'driver = "{name}"' in spec.example


@pytest.mark.parametrize("name", DRIVERS)
def test_every_family_of_calls_has_its_pace(name):
    """A family without one would not be limited until its provider complains."""
    spec = drivers.load(name)
    asked = set()
    for _, tree in sources(name):
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="call"), args=[ast.Constant(value=str(family)), *_]
                ):
                    asked.add(family)
    assert asked
    assert asked | {"auth", "content"} <= set(spec.limits)
