"""A driver without a provider: a tree in memory, for tests of what stands above drivers."""

from __future__ import annotations

import re
from typing import Annotated

from fsmount.account.account import Limit
from fsmount.drivers.base import (
    Ability,
    DriverOptions,
    DriverSpec,
    LinkMatch,
    Secret,
    ShareCode,
    described,
)
from fsmount.errors import NotFound
from fsmount.model import Call, Entry, EntryId, Kind, Link, Page, Space

FILES = {"hello.txt": b"hello\n", "你好 🎉.txt": "你好\n".encode()}


class FakeOptions(DriverOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options with one of each kind."""

    address: Annotated[str, described("of the site")] = ""
    share: Annotated[str, described("id of a share")] = ""
    code: Annotated[ShareCode, described("of the share")] = ""
    login: Annotated[str, described("e-mail")] = ""
    password: Annotated[Secret, described("of the login")] = ""
    pages: Annotated[int, described("pages in a listing")] = 1


class FakeScheme:
    """Signs nothing and lets everything pass."""

    def sign(self, call, token):
        return call

    def classify(self, call, answer, *, signed):
        pass

    async def refresh(self, token, send):
        return token

    async def sign_in(self, credentials, send):
        raise NotImplementedError


class FakeDriver:
    """One folder with FILES in it."""

    def __init__(self, options, account):
        self.options = options
        self.account = account
        self.closed = False

    @property
    def root(self):
        return Entry(id=EntryId("root"), name="", kind=Kind.FOLDER)

    async def list(self, folder, cursor):
        entries = [
            Entry(
                id=EntryId(name), name=name, kind=Kind.FILE, size=len(content), mtime_ns=10**18,
                version="1", locator=name,
            )
            for name, content in FILES.items()
        ]  # fmt: skip
        return Page(entries=entries, folder=self.root)

    async def stat(self, entry):
        raise NotFound("there is no such file")

    async def link(self, file, *, fresh=False):
        return Link(url=f"{self.options.address}/{file.name}?sign=secret")

    async def space(self):
        return Space(total=100, used=40)

    async def close(self):
        self.closed = True


def parse_link(text):
    """Take ``fake://ID`` for certain and ``https://HOST/f/ID[/CODE]`` for likely."""
    if text.startswith("fake://"):
        return LinkMatch(options={"share": text[7:]}, shown=text)
    match = re.fullmatch(r"(https?://[^/]+)/f/(\w+)(?:/(\w+))?", text)
    if match is None:
        return None
    address, share, code = match.groups()
    return LinkMatch(
        options={"address": address, "share": share, "code": code or ""},
        shown=f"{address}/f/{share}" + ("/***" if code else ""),
        certain=False,
    )


async def probe(text, send):
    """Ask the site its name."""
    answer = await send(Call(method="GET", url=f"{text}/who"))
    return answer.body == b"fake"


SPEC = DriverSpec(
    name="fake",
    title="Fake",
    options=FakeOptions,
    abilities=frozenset({Ability.QUOTA}),
    open=FakeDriver,
    scheme=lambda options: FakeScheme(),
    parse_link=parse_link,
    probe=probe,
    account=lambda options: (options.address, options.login),
    place=lambda options: f"share/{options.share}" if options.share else "my",
    limits={"list": Limit(rate_per_s=10.0)},
    trust_domain=lambda options: "",
    is_share=lambda options: bool(options.share),
    example='[remotes.fake]\ndriver = "fake"\naddress = "https://fake.example"\n',
)
