"""Cookies sign 115's own hosts alone, and a dead one is told from a refusal."""

from __future__ import annotations

import pytest

from fsmount.account.credentials import Credentials, resolve
from fsmount.account.refresher import Refresher
from fsmount.drivers.p115 import hosts
from fsmount.drivers.p115.auth import APP, CookieScheme, token_of
from fsmount.drivers.p115.cookies import LoginCookie, link_cookies
from fsmount.drivers.p115.driver import SPEC
from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115.options import P115Options, cid_of
from fsmount.errors import Blocked, LoginLost, ProviderFault, Unauthorized, UsageError
from fsmount.model import Call, Token
from tests.drivers.p115.scripted import COOKIE, HEX, Site, answered, listing, opened, wall

SCHEME = CookieScheme.of(P115Options())
TOKEN = Token(access=COOKIE)
BIG = "2912345678901234567"


def get(url, **more):
    return Call(method="GET", url=url, **more)


def test_calls_of_115_carry_the_cookie_without_a_semicolon_at_the_end():
    """One at the end was reported to get people blocked."""
    signed = SCHEME.sign(get("https://webapi.115.com/files"), Token(access=COOKIE + ";"))
    assert signed.headers["Cookie"] == COOKIE
    assert not signed.follow


@pytest.mark.parametrize(
    "url",
    [
        "https://cdnfhnfile.115cdn.net/x",
        "https://webapi.115.com.evil.example/files",
        "https://evil.example/webapi.115.com/files",
        "http://webapi.115.com/files",
        "https://webapi.115.com@evil.example/",
        "https://qrcodeapi.115.com/get/status/",
        "https://appversion.115.com/1/web/1.0/api/chrome",
    ],
)
def test_no_other_place_ever_gets_the_cookie(url):
    """Content hosts, look-alikes, plain HTTP, and hosts that need none."""
    signed = SCHEME.sign(get(url), TOKEN)
    assert "Cookie" not in signed.headers
    assert "UID" not in str(signed.headers)


def test_hosts_of_an_emulator_are_signed_too():
    """All of them on one port."""
    scheme = CookieScheme.of(P115Options(hosts="http://127.0.0.1:8/{host}"))
    assert "Cookie" in scheme.sign(get("http://127.0.0.1:8/webapi.115.com/files"), TOKEN).headers
    assert "Cookie" not in scheme.sign(get("http://127.0.0.1:8/cdn/webapi"), TOKEN).headers
    assert "Cookie" not in scheme.sign(get("http://127.0.0.1:80/webapi.115.com/x"), TOKEN).headers


def test_every_call_has_one_agent_and_a_referer():
    """A link works only with the agent that its call was made with."""
    signed = SCHEME.sign(get("https://webapi.115.com/files"), TOKEN)
    assert signed.headers["User-Agent"] == SCHEME.agent
    assert signed.headers["Referer"] == "https://115.com/"
    mine = CookieScheme.of(P115Options(user_agent="mine/1"))
    assert mine.sign(get("https://115.com/"), None).headers["User-Agent"] == "mine/1"


@pytest.mark.parametrize(
    ("slot", "app"), [("F1", "android"), ("R2", "alipaymini"), ("Z9", "android"), ("A1", "web")]
)
def test_the_app_in_a_call_is_that_of_the_logins_slot(slot, app):
    """Another one's answers 99."""
    cookie = COOKIE.replace("_R2_", f"_{slot}_")
    signed = SCHEME.sign(get(f"https://proapi.115.com/{APP}/files"), Token(access=cookie))
    assert signed.url == f"https://proapi.115.com/{app}/files"


# --- cookies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        COOKIE,
        f"{COOKIE};",
        f"Cookie: {COOKIE}",
        COOKIE.replace("; ", ";"),
        f"acw_tc=1; {COOKIE}; lang=zh",
        COOKIE.replace("UID", "uid"),
        f'"{COOKIE}"',
        "; ".join(reversed(COOKIE.split("; "))),
    ],
)
def test_a_cookie_is_read_as_people_copy_it(text):
    """A whole header, other cookies among them, in any order."""
    cookie = LoginCookie.parse(text)
    assert cookie.line == COOKIE
    assert (cookie.user, cookie.app, cookie.signed_in_at) == ("100000001", "alipaymini", 1.7e9)


def test_an_old_login_has_no_kid():
    """It is required by newer ones only."""
    assert LoginCookie.parse("UID=1; CID=c; SEID=s").line == "UID=1; CID=c; SEID=s"


@pytest.mark.parametrize("name", ["UID", "CID", "SEID"])
def test_a_cookie_that_lacks_one_says_which(name):
    """And where to look; never what was pasted."""
    text = "; ".join(pair for pair in COOKIE.split("; ") if not pair.startswith(f"{name}="))
    with pytest.raises(UsageError, match=name) as info:
        LoginCookie.parse(text)
    assert "developer tools" in info.value.advice
    assert HEX not in str(info.value)


def test_a_cookie_never_shows():
    """Nor does the token that it becomes."""
    cookie = LoginCookie.parse(COOKIE)
    assert "c" * 32 not in repr(cookie) + repr(token_of(cookie, 0.0))


def test_cookies_of_links_are_told_from_all_others():
    """32 hex digits on both sides, for the path of one object."""
    lines = "\n".join(
        [
            f"acw_tc={HEX}; path=/",
            f"{HEX}={HEX}; Path=/{HEX}01234567/; Secure",
            f"{HEX}={HEX}; path=/",
            "UID=5; path=/x/",
            f"{HEX}={HEX}",
        ]
    )
    assert [(each.pair[:4], each.path) for each in link_cookies(lines)] == [
        (HEX[:4], f"{HEX}01234567"),
        (HEX[:4], ""),
    ]


# --- is it alive? ---------------------------------------------------------------------------------


def refresher(*answers, access=COOKIE, **more):
    site = Site(*answers)
    return Refresher(
        scheme=SCHEME,
        tokens=None,
        credentials=Credentials(access_token=access),
        send=site.send,
        name="films",
        **more,
    ), site


async def test_a_configured_cookie_is_used_without_asking():
    """It costs no call."""
    keeper, site = refresher()
    assert (await keeper.current()).access == COOKIE
    assert site.calls == []


async def test_a_cookie_that_is_alive_is_tried_once_more():
    """A refusal for want of a login is not always meant; the check has no side effects."""
    keeper, site = refresher(answered({"state": True}))
    rejected = await keeper.current()
    again = await keeper.renew(rejected)
    assert again.access != rejected.access
    assert SCHEME.sign(get("https://webapi.115.com/x"), again).headers["Cookie"] == COOKIE
    assert site.paths == ["my.115.com/"]
    assert site.calls[0].params["ac"] == "status"


@pytest.mark.logs("login lost")
async def test_a_dead_cookie_is_a_lost_login_with_its_name():
    """It says what to run."""
    keeper, _ = refresher(answered({"state": False}))
    with pytest.raises(LoginLost) as info:
        await keeper.renew(await keeper.current())
    assert "fsmount login films" in str(info.value)
    assert "115" in info.value.message


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (wall(), Blocked),
        (answered(b"<html>"), ProviderFault),
        (answered({}), ProviderFault),
        (answered({"state": True}, status=500), ProviderFault),
    ],
)
async def test_no_answer_about_the_cookie_loses_nothing(answer, kind):
    """Deleting state on a block has destroyed users' libraries."""
    keeper, _ = refresher(answer)
    with pytest.raises(kind):
        await keeper.renew(await keeper.current())


async def test_an_alive_cookie_that_is_refused_for_ever_does_not_go_round_in_circles():
    """Five times a minute at most is it asked."""
    date = iter(range(100))
    keeper, site = refresher(
        lambda call: answered({"state": True}, date=1.7e9 + next(date)), clock=lambda: 0.0
    )
    token = await keeper.current()
    for _ in range(5):
        token = await keeper.renew(token)
    with pytest.raises(Unauthorized):
        await keeper.renew(token)
    assert len(site.calls) == 5


@pytest.mark.logs("login lost")
async def test_nobody_signed_in_is_said_so():
    """With what to run."""
    keeper, _ = refresher(access="")
    with pytest.raises(LoginLost, match="fsmount login films"):
        await keeper.current()


async def test_half_a_cookie_says_what_is_missing():
    """Not that some token is over."""
    keeper, _ = refresher(access="UID=1; CID=2")
    with pytest.raises(UsageError, match="SEID"):
        await keeper.current()


async def test_a_cookie_is_found_in_options_files_and_credentials(tmp_path):
    """As every secret."""
    assert (await resolve({"cookie": COOKIE}, remote="films")).access_token == COOKIE
    path = tmp_path / "films.cookie"
    path.write_text(COOKIE + "\n")
    path.chmod(0o600)
    by_file = await resolve({"cookie_file": str(path)}, remote="films")
    by_systemd = await resolve({}, remote="films", directory=tmp_path)
    assert by_file.access_token == by_systemd.access_token == COOKIE


async def test_another_device_slot_in_the_app_call_is_asked_of_the_right_one():
    """The listing of the app is that of the login's own slot."""
    driver, site = opened(
        listing(order="file_name", count=0),
        cookie=COOKIE.replace("_R2_", "_I1_"),
        listing="app",
    )
    await driver.list(driver.root, None)
    assert site.paths == ["proapi.115.com/tv/2.0/ufile/files"]


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cid"),
    [
        ("", "0"),
        ("0", "0"),
        (BIG, BIG),
        (" 77 ", "77"),
        ("https://115.com/?cid=77&offset=0&tab=&mode=wangpan", "77"),
        (
            "https://115.com/?ct=file&ac=userfile&aid=1&cid=2912345678901234567",
            "2912345678901234567",
        ),
        ("https://115.com/storage#/list?cid=77", "77"),
    ],
)
def test_a_root_is_a_cid_or_the_address_bars_url(text, cid):
    """As people find it."""
    assert cid_of(text) == cid


@pytest.mark.parametrize(
    "text", ["films", "-1", "https://115.com/", "https://115.com/?cid=x", "1.5"]
)
def test_a_root_that_names_no_folder_says_where_to_find_one(text):
    """Not the drive's root instead."""
    with pytest.raises(UsageError, match="cid"):
        cid_of(text)


@pytest.mark.parametrize("text", ["webapi.115.com", "https://115.com", "ftp://{host}", "{host}"])
def test_hosts_that_are_no_template_are_refused(text):
    """With what to write."""
    with pytest.raises(UsageError, match="hosts"):
        Hosts.parse(text)


def test_every_host_that_is_asked_is_known():
    """By name; only these may be signed."""
    assert Hosts().url(hosts.WEB, "/files") == "https://webapi.115.com/files"
    assert Hosts().host_of("https://webapi.115.com/files") == hosts.WEB
    assert Hosts().host_of("https://appversion.115.com/x") == ""


def test_accounts_are_told_apart_by_the_number_in_a_configured_cookie():
    """Two remotes with one cookie share token and pace."""
    first = SPEC.account(P115Options(cookie=COOKIE, root="77"))
    assert first == SPEC.account(P115Options(cookie=COOKIE)) == ("https://115.com", "100000001")
    assert SPEC.account(P115Options()) == ("https://115.com", "")
    assert SPEC.account(P115Options(cookie="half of one"))[1] == ""


def test_a_hash_counts_where_115_itself_made_it():
    """Any other host vouches for nobody's files but its own."""
    assert SPEC.trust_domain(P115Options()) == "115"
    assert SPEC.trust_domain(P115Options(hosts="https://{host}.example")) == ""


def test_places_are_told_apart_by_their_folder():
    """However it was written."""
    assert SPEC.place(P115Options(root="77")) == SPEC.place(
        P115Options(root="https://115.com/?cid=77")
    )
    assert SPEC.place(P115Options()) != SPEC.place(P115Options(root="77"))
