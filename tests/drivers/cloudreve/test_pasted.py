"""Links are recognised as people paste them, and never shown with their code."""

from __future__ import annotations

import pytest

from fsmount.drivers.cloudreve.options import CloudreveOptions, place
from fsmount.drivers.cloudreve.pasted import parse_link, probe
from fsmount.drivers.cloudreve.uri import FileUri
from fsmount.errors import NotSupported, Unreachable
from tests.drivers.cloudreve.scripted import Site, answered, data, recorded

PAN = "https://pan.example.com"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (f"{PAN}/s/AbC1", {"address": PAN, "share": "AbC1"}),
        (f"{PAN}/s/AbC1/", {"address": PAN, "share": "AbC1"}),
        ("HTTPS://Pan.Example.com:443/s/AbC1", {"address": PAN, "share": "AbC1"}),
        ("http://10.0.0.2:5212/s/AbC1", {"address": "http://10.0.0.2:5212", "share": "AbC1"}),
        ("http://[::1]:5212/s/AbC1", {"address": "http://[::1]:5212", "share": "AbC1"}),
        (f"{PAN}/s/AbC1/s3cr", {"address": PAN, "share": "AbC1", "share_password": "s3cr"}),
        (f"{PAN}/s/AbC1/p%40s", {"address": PAN, "share": "AbC1", "share_password": "p@s"}),
        (f"{PAN}/s/AbC1?password=s3", {"address": PAN, "share": "AbC1", "share_password": "s3"}),
        (
            f"{PAN}/s/AbC1?path=cloudreve%3A%2F%2FAbC1%40share%2Fa%2520b",
            {"address": PAN, "share": "AbC1", "root": "/a%20b"},
        ),
        (f"{PAN}/s/AbC1?path=/a%20b", {"address": PAN, "share": "AbC1", "root": "/a%20b"}),
        (
            f"{PAN}/home?path=cloudreve%3A%2F%2F6DCZ%3As3cret%40share",
            {"address": PAN, "share": "6DCZ", "share_password": "s3cret"},
        ),
        (
            f"{PAN}/home?path=cloudreve%3A%2F%2Fmy%2F50%2525",
            {"address": PAN, "root": "cloudreve://my/50%25"},
        ),
        (
            f"{PAN}/home?path=cloudreve%3A%2F%2Fmy%2F50%25",
            {"address": PAN, "root": "cloudreve://my/50%25"},
        ),
        (
            f"{PAN}/home?path=cloudreve%3A%2F%2Fmy%2Fdocs%3Fname%3Dx&more=1",
            {"address": PAN, "root": "cloudreve://my/docs"},
        ),
        (
            f"{PAN}/home?path=cloudreve://AbC1@share/文件+夹",
            {"address": PAN, "share": "AbC1", "root": "/%E6%96%87%E4%BB%B6%2B%E5%A4%B9"},
        ),
        ("cloudreve://AbC1@share", {"share": "AbC1"}),
        (
            "cloudreve://AbC1:s3@share/sub dir",
            {"share": "AbC1", "share_password": "s3", "root": "/sub%20dir"},
        ),
        ("cloudreve://my/照片 2024", {"root": "cloudreve://my/%E7%85%A7%E7%89%87%202024"}),
    ],
)
def test_a_link_becomes_options(text, options):
    """Web links and URIs, encoded once, twice or not at all."""
    assert parse_link(text).options == options


@pytest.mark.parametrize(
    "text",
    [
        f"{PAN}/s/AbC1 提取码: abcd",
        f"{PAN}/s/AbC1 提取码：abcd",
        f"{PAN}/s/AbC1提取码:abcd",
        f"{PAN}/s/AbC1（提取码：abcd）",
        f"{PAN}/s/AbC1，密码 abcd",
        f"{PAN}/s/AbC1\npassword: abcd",
        f"链接：{PAN}/s/AbC1 访问码: abcd 复制这段内容后打开",
        f"提取码: abcd 链接: {PAN}/s/AbC1",
        f"Photos of the trip {PAN}/s/AbC1/ (password: abcd)",
        f"{PAN}/s/AbC1?path=/提取码：abcd",
        f"{PAN}/s/AbC1/abcd",
        f"{PAN}/s/AbC1?pwd=abcd",
    ],
)
def test_the_code_is_found_in_the_text_around(text):
    """People paste the link with its extraction code in one breath."""
    match = parse_link(text)
    wanted = {"address": PAN, "share": "AbC1", "share_password": "abcd"}
    assert match.options == wanted
    assert match.shown == f"{PAN}/s/AbC1/***"


@pytest.mark.parametrize(
    "text",
    [
        "cloudreve://AbC1:abcd@share/a b",
        "cloudreve://AbC1@share/a b 提取码: abcd",
        f"{PAN}/home?path=cloudreve%3A%2F%2FAbC1%3Aabcd%40share%2Fa%2520b",
    ],
)
def test_a_shown_link_holds_no_code(text):
    """Wherever the code stood, it is blanked; the folder stays readable."""
    match = parse_link(text)
    assert match.options["share_password"] == "abcd"
    assert "abcd" not in match.shown
    assert match.shown.endswith("/a%20b")
    assert " " not in match.shown


def test_words_that_mention_a_code_give_none():
    """Only a label with its colon (or a Chinese label) introduces a code."""
    match = parse_link(f"the QR code attached leads to {PAN}/s/AbC1")
    assert "share_password" not in match.options


@pytest.mark.parametrize(
    "text",
    [
        "",
        "photos",
        "https://pan.example.com",
        f"{PAN}/home",
        f"{PAN}/f/xY/a.txt",
        f"{PAN}/s/",
        "cloudreve://share/a",
        "cloudreve://nofs",
        f"{PAN}/home?path=cloudreve%3A%2F%2Fnofs",
        "ftp://pan.example.com/s/AbC1",
        "cloudreve://my/../x",
    ],
)
def test_anything_else_is_no_link(text):
    """A text that names no share and no folder is left to other drivers."""
    assert parse_link(text) is None


def test_only_a_uri_is_certain():
    """Any host may be a Cloudreve site, so a web link must be asked."""
    assert parse_link("cloudreve://AbC1@share").certain
    assert not parse_link(f"{PAN}/s/AbC1").certain


def test_the_options_of_a_link_name_the_place_that_was_pasted():
    """Names with % and # come through link and options to the server's spelling."""
    match = parse_link("cloudreve://AbC1:s3@share/100% real#1")
    options = CloudreveOptions(address=PAN, **match.options)
    assert place(options) == FileUri(fs="share", id="AbC1", password="s3", path=("100% real#1",))


async def test_a_v4_site_is_recognised():
    """The ping of the real server answers with its version."""
    site = Site(recorded("site_ping"))
    assert await probe(f"{PAN}/s/AbC1", site.send)
    assert [call.url for call in site.calls] == [f"{PAN}/api/v4/site/ping"]


@pytest.mark.parametrize("v4", [answered(b"<!doctype html>"), answered(b"404", status=404)])
async def test_a_v3_site_is_called_that(v4):
    """V3 gives its web page or 404 for a V4 call; its own ping tells its version."""
    site = Site(v4, data("3.8.3-pro"))
    with pytest.raises(NotSupported, match=r"is Cloudreve V3.*not V4"):
        await probe(PAN, site.send)


@pytest.mark.parametrize(
    "answer",
    [
        answered(b"<!doctype html>"),
        answered(b'{"ok": true}'),
        answered(b'{"code": 0, "data": {"version": "4.0.0"}}'),
        answered(b'{"code": 0, "data": "pong"}'),
        answered(b"", status=500),
    ],
)
async def test_any_other_site_is_not_ours(answer):
    """Web pages, other envelopes and faults are no Cloudreve."""
    assert not await probe(PAN, Site(lambda call: answer).send)


async def test_a_site_that_cannot_be_asked_says_so():
    """No connection is no answer, neither yes nor no."""

    def fail(call):
        raise Unreachable("no route")

    with pytest.raises(Unreachable):
        await probe(PAN, Site(fail).send)
