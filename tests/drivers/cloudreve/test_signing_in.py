"""A person signs in to an emulated site: the whole way from the first question to a kept token."""

from __future__ import annotations

import json

import pytest

from fsmount import source as sources
from fsmount.account.credentials import Credentials
from fsmount.account.login import keep, walk
from fsmount.config import Config, RemoteConfig
from fsmount.drivers.cloudreve.driver import SPEC
from fsmount.drivers.cloudreve.options import CloudreveOptions
from fsmount.errors import LoginLost
from fsmount.model import Ask, Choose, ShowPicture
from fsmount.net.client import NetSettings, open_api_client
from fsmount.remote import open_remote
from fsmount.store.tokens import TokenFile, token_path


class Person:
    """Answers each question from a list per field; a captcha as the site itself would read it.

    Attributes:
        shown: The kind and field of each step, in order.
    """

    def __init__(self, world, **answers):
        self._world = world
        self._answers = {field: list(given) for field, given in answers.items()}
        self._tickets = Tickets()
        self.shown = []
        self.prompts = []

    async def __call__(self, step):
        self.shown.append((type(step).__name__, step.field))
        self.prompts.append(step.prompt)
        if isinstance(step, ShowPicture) and "captcha" not in self._answers:
            assert step.picture.startswith(b"\x89PNG")
            ticket = {"ticket": self._tickets.last}
            return {"captcha": self._world.emulator.state.control("captcha", ticket)["answer"]}
        assert isinstance(step, Ask | Choose | ShowPicture)
        return {step.field: self._answers[step.field].pop(0)}


class Tickets:
    """Keeps the ticket that came with the last picture, which a person never sees."""

    last = ""

    def watching(self, send):
        """Return ``send`` that looks at what comes."""

        async def watched(call):
            answer = await send(call)
            if call.url.endswith("/site/captcha"):
                self.last = json.loads(answer.body)["data"]["ticket"]
            return answer

        return watched


async def signed_in(world, person, **options):
    """Walk a sign-in to ``world``; return what it ended with."""
    given = CloudreveOptions(address=world.emulator.address, **options)
    async with open_api_client(NetSettings()) as api:
        return await walk(SPEC.login(given, person._tickets.watching(api.send)), person)


@pytest.fixture
def line(tree):
    """A file to be listed afterwards."""
    (tree / "a.txt").write_bytes(b"a")


async def opened_with(world, done, **options):
    """List the drive with nothing but the kept token of a sign-in."""
    config = Config(
        remotes={
            "mine": RemoteConfig(
                driver="cloudreve",
                options=CloudreveOptions(address=world.emulator.address, **options),
            )
        }
    )
    source = await sources.resolve("mine", config, {}, send=None, detections=None)
    tokens = TokenFile(token_path(world.directories, source.account_key))
    world.directories.state.chmod(0o700)
    await keep(done.token, tokens=tokens, credentials=Credentials())
    async with open_remote(source, world.directories) as remote:
        page = await remote.driver.list(remote.driver.root, None)
        return [entry.name for entry in page.entries]


async def test_captcha_and_second_factor_end_in_a_token_that_lists(site, line):
    """Every question once, in this order; the token is kept and signs, without any password."""
    async with site("--defect", "captcha", "--defect", "two-factor", "--otp", "135790") as world:
        email = world.emulator.line["email"]
        person = Person(
            world,
            method=["password"],
            email=[email.upper()],
            password=[world.emulator.line["password"]],
            otp=[" 135790 "],
        )
        done = await signed_in(world, person)
        assert done.note.startswith("signed in as ")
        assert person.shown == [
            ("Choose", "method"),
            ("Ask", "email"),
            ("Ask", "password"),
            ("ShowPicture", "captcha"),
            ("Ask", "otp"),
        ]
        assert await opened_with(world, done, email=email) == ["a.txt"]
        assert world.requests()["login"] == 1


async def test_mistakes_on_the_way_are_asked_again(site, line):
    """A misread picture, a wrong password, a wrong code: each once, then it works."""
    async with site("--defect", "captcha", "--defect", "two-factor", "--otp", "135790") as world:
        person = Person(
            world,
            password=["wrong-password", world.emulator.line["password"]],
            otp=["000000", "135790"],
        )
        done = await signed_in(world, person, email=world.emulator.line["email"])
        assert done.token.refresh
        assert [field for _, field in person.shown] == [
            *("password", "captcha", "password", "captcha", "otp", "otp")
        ]


@pytest.mark.parametrize("wrong", ["password", "captcha", "otp"])
async def test_three_mistakes_end_it(site, line, wrong):
    """A server may lock out beyond; nobody who is signing in is told to sign in."""
    defects = ("--defect", "captcha", "--defect", "two-factor")
    async with site(*defects) as world:
        answers = {"password": [world.emulator.line["password"]] * 9} | {wrong: ["no-no-no"] * 9}
        person = Person(world, **answers)
        with pytest.raises(LoginLost, match="try again") as info:
            await signed_in(world, person, email=world.emulator.line["email"])
        assert [field for _, field in person.shown].count(wrong) == 3
        assert "fsmount login" not in str(info.value)
        assert not any(len(given) > 3 and given in str(info.value) for given in answers[wrong])


async def test_a_refresh_token_from_the_browser_is_a_way_in(site, line):
    """Where it is to be found is said; the mount then needs nothing else."""
    async with site("--defect", "captcha", "--defect", "two-factor") as world:
        token = world.emulator.config.read_text().split('refresh_token = "')[1].split('"')[0]
        person = Person(world, method=["refresh_token"], refresh_token=[f" {token}\n"])
        done = await signed_in(world, person)
        assert "Local Storage" in person.prompts[-1]
        assert await opened_with(world, done) == ["a.txt"]
        assert world.requests().get("login", 0) == 0


async def test_a_login_is_lent_to_another_remote_of_the_site(site, line):
    """``auth = "ref:NAME"``: one token for both, and none of the lender's secrets copied."""
    async with site() as world:
        world.emulator.state.control("settings", {"guests_may_open_shares": False})
        async with world.opened(keep=True) as lender:
            await lender.driver.list(lender.driver.root, None)
        async with world.opened("source", keep=True, auth="ref:demo") as borrower:
            page = await borrower.driver.list(borrower.driver.root, None)
            assert [entry.name for entry in page.entries] == ["a.txt"]
            assert borrower.source.account_key == lender.source.account_key
            assert not borrower.source.options.password
        async with world.opened(keep=True) as lender:
            await lender.driver.list(lender.driver.root, None)
        assert world.requests()["login"] == 1


@pytest.mark.logs("login lost")
async def test_a_lost_login_that_was_lent_names_the_lender(site, line):
    """It is the lender that a person has to sign in to."""
    async with (
        site() as world,
        world.opened("source", auth="ref:demo-refresh") as borrower,
    ):
        world.emulator.state.control("expire", {"what": "refresh"})
        with pytest.raises(LoginLost, match='run "fsmount login demo-refresh"'):
            await borrower.driver.list(borrower.driver.root, None)
