"""Links: every endpoint, what binds them, and what is done when one does not serve a file."""

from __future__ import annotations

import pytest

from fsmount.drivers.p115 import links
from fsmount.errors import (
    Blocked,
    Changed,
    Denied,
    FsmountError,
    IsFolder,
    LinkExpired,
    LinkRefused,
    NotFound,
    NotSupported,
    ProviderFault,
    Unauthorized,
)
from fsmount.model import Entry, EntryId, Kind, Link, Priority, priority
from tests.drivers.p115.scripted import (
    HEX,
    NOW,
    OBJECT,
    answered,
    opened,
    opened_form,
    refused,
    sealed_answer,
    url_of,
    wall,
)

FILE = Entry(id=EntryId("13"), name="a.bin", kind=Kind.FILE, locator="abc13", size=5)
OTHER = Entry(id=EntryId("14"), name="b.bin", kind=Kind.FILE, locator="abc14", size=5)
COOKIE = f"{HEX}={HEX[::-1]}"
SET = f"{COOKIE}; expires=Sun, 22 Nov 2026 11:36:04 GMT; path=/{OBJECT}/; domain=.115cdn.net"


def chrome(call, *files, **more):
    """Answer the chrome call with (pick code, url) pairs."""
    inner = {
        str(index): {
            "file_name": "x",
            "file_size": "5",
            "pick_code": code,
            "sha1": "A" * 40,
            "url": {"url": url, "client": 0, "desc": None, "oss_id": "x"} if url else False,
        }
        for index, (code, url) in enumerate(files)
    }
    return sealed_answer(call, inner, **more)


async def test_a_link_comes_from_the_chrome_call_encrypted():
    """The pick code goes in the envelope; the link carries the agent that was sent."""
    asked = {}

    def answer(call):
        asked["plain"], _ = opened_form(call)
        return chrome(call, ("abc13", url_of()))

    driver, site = opened(answer)
    link = await driver.link(FILE)
    assert asked["plain"] == {"pickcode": "abc13"}
    assert site.paths == ["proapi.115.com/app/chrome/downurl"]
    assert link.url == url_of()
    assert link.headers == {"User-Agent": site.calls[0].headers["User-Agent"]}
    assert link.lifetime_s == 7200
    assert link.max_connections == 2


async def test_the_login_cookie_never_goes_with_a_link():
    """The content host needs its own alone."""
    driver, _ = opened(lambda call: chrome(call, ("abc13", url_of()), headers={"set-cookie": SET}))
    link = await driver.link(FILE)
    assert link.headers["Cookie"] == COOKIE
    assert "UID" not in str(dict(link.headers))


async def test_a_link_bound_to_a_cookie_lives_as_long_as_the_cookie():
    """900 s, much shorter than its t may be."""
    driver, _ = opened(
        lambda call: chrome(call, ("abc13", url_of(f=3)), headers={"set-cookie": SET})
    )
    assert (await driver.link(FILE)).lifetime_s == 900


async def test_of_several_cookies_the_one_of_the_object_is_kept():
    """The firewall sets one for every path; it is not it."""
    lines = f"acw_tc={HEX}; path=/; HttpOnly\n{HEX}={HEX}; path=/\n{SET}"
    driver, _ = opened(
        lambda call: chrome(call, ("abc13", url_of(f=3)), headers={"set-cookie": lines})
    )
    assert (await driver.link(FILE)).headers["Cookie"] == COOKIE


async def test_a_link_whose_cookie_is_missing_is_asked_elsewhere():
    """Without it the content host refuses everything."""

    def answer(call):
        if "chrome" in call.url:
            return chrome(call, ("abc13", url_of(f=3)))
        return sealed_answer(call, {"file_url": url_of()})

    driver, site = opened(answer)
    assert (await driver.link(FILE)).url == url_of()
    assert site.paths[1] == "webapi.115.com/files/download"


@pytest.mark.parametrize(
    ("query", "option", "expected"),
    [
        ({"c": "2"}, None, 2),
        ({"c": "4"}, 3, 3),
        ({"c": "2"}, 8, 2),
        ({"c": "0"}, None, None),
        ({"c": "0"}, 6, 6),
        ({"c": ""}, None, None),
        ({"c": "x"}, None, None),
    ],
)
async def test_a_link_says_how_many_connections_it_takes(query, option, expected):
    """C is kept to; 0 is no limit; the option may ask for fewer, not for more."""
    driver, _ = opened(
        lambda call: chrome(call, ("abc13", url_of(**query))), max_connections=option
    )
    assert (await driver.link(FILE)).max_connections == expected


async def test_lives_are_counted_from_the_answers_own_date():
    """A wrong local clock does no harm."""
    driver, _ = opened(lambda call: chrome(call, ("abc13", url_of(ends=NOW + 60)), date=NOW - 40))
    assert (await driver.link(FILE)).lifetime_s == 100


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://x/y", "//x/y"])
async def test_what_is_no_url_is_an_error(url):
    """And never asked for bytes."""
    driver, _ = opened(
        lambda call: (
            chrome(call, ("abc13", url)) if "chrome" in call.url else refused(50003, "pickcode")
        )
    )
    with pytest.raises(FsmountError):
        await driver.link(FILE)


@pytest.mark.parametrize("empty", [{}, [], None, ""])
async def test_an_empty_answer_asks_the_web_api_which_knows_why(empty):
    """Not found, a folder and not supported look alike; a missing pick code has a code there."""

    def answer(call):
        return sealed_answer(call, empty) if "chrome" in call.url else refused(50003, "pickcode")

    driver, site = opened(answer)
    with pytest.raises(NotFound):
        await driver.link(FILE)
    assert len(site.calls) == 2


async def test_a_file_that_nobody_gives_a_link_of_has_changed():
    """All three endpoints say nothing: it is not there, or is none that can be read."""
    driver, site = opened(lambda call: sealed_answer(call, {}))
    with pytest.raises(Changed, match=r"a\.bin"):
        await driver.link(FILE)
    assert len(site.calls) == 3


async def test_99_from_the_apps_hosts_is_not_a_lost_login():
    """A cookie of another device slot gets it too; the web API is asked and serves it."""

    def answer(call):
        if "proapi" in call.url:
            return refused(99, "请重新登录")
        return sealed_answer(call, {"file_url": url_of()})

    driver, _ = opened(answer)
    assert (await driver.link(FILE)).url == url_of()


async def test_99_from_the_web_api_is():
    """It is the one that knows."""
    driver, _ = opened(lambda call: refused(99, "请重新登录"))
    with pytest.raises(Unauthorized):
        await driver.link(FILE)


async def test_a_file_too_big_for_one_endpoint_is_asked_of_the_next():
    """50028."""

    def answer(call):
        if "chrome" in call.url:
            return refused(50028, "")
        return sealed_answer(call, {"data": 1, "file_url": url_of()})

    driver, _ = opened(answer)
    assert (await driver.link(FILE)).url == url_of()


async def test_a_web_link_may_come_unencrypted():
    """Fields at the top, as the plain call has them."""

    def answer(call):
        if "chrome" in call.url:
            return sealed_answer(call, {})
        return answered({"state": True, "msg": "", "data": [], "file_url": url_of()})

    driver, _ = opened(answer)
    assert (await driver.link(FILE)).url == url_of()


async def test_an_old_agent_takes_the_version_of_the_newest_client():
    """50029: the version is asked once, and API and content go on with it."""

    def answer(call):
        if "appversion" in call.url:
            return answered({"state": True, "data": {"win": {"version_code": "41.0.0"}}})
        if "115Browser/41.0.0" not in call.headers["User-Agent"]:
            return refused(50029, "版本过低")
        return chrome(call, ("abc13", url_of()))

    driver, site = opened(answer)
    link = await driver.link(FILE)
    assert link.headers["User-Agent"].endswith("115Browser/41.0.0")
    await driver.link(FILE)
    assert [path.partition("/")[0] for path in site.paths] == [
        "proapi.115.com",
        "appversion.115.com",
        "proapi.115.com",
        "proapi.115.com",
    ]


async def test_the_cookie_does_not_go_to_where_versions_are_told():
    """It is no host that needs it."""

    def answer(call):
        if "appversion" in call.url:
            return answered({"state": True, "data": {"win": {"version_code": "41.0.0"}}})
        return refused(50029, "")

    driver, site = opened(answer)
    with pytest.raises(NotSupported):
        await driver.link(FILE)
    assert "Cookie" not in site.calls[1].headers


async def test_an_agent_of_the_users_own_is_not_replaced():
    """It says what to do about it."""
    driver, site = opened(refused(50029, ""), user_agent="mine/1")
    with pytest.raises(NotSupported, match="user_agent"):
        await driver.link(FILE)
    assert site.calls[0].headers["User-Agent"] == "mine/1"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(50038, "该文件已被限制下载"), Denied),
        (refused(70004, ""), Denied),
        (refused(911, "请验证账号"), Blocked),
        (wall(), Blocked),
        (answered({"state": False, "msg": "x", "errno": 0, "data": ["any"]}), ProviderFault),
        (
            answered({"state": False, "error": "x", "errno": 990001, "data": "text"}),
            type(None),
        ),
    ],
)
async def test_what_is_final_is_not_asked_of_another_endpoint(answer, kind):
    """Flagged files, checks of a person, blocks; 50038 without a text may pass."""
    driver, site = opened(answer)
    with pytest.raises(Unauthorized if kind is type(None) else kind):
        await driver.link(FILE)
    assert len(site.calls) == 1


async def test_a_refusal_without_a_word_is_asked_elsewhere():
    """50038 with an empty text passes; where nobody gives a link it may be had later."""

    def answer(call):
        if "chrome" in call.url:
            return refused(50038, "")
        return sealed_answer(call, {"file_url": url_of()})

    driver, _ = opened(answer)
    assert (await driver.link(FILE)).url == url_of()
    driver, _ = opened(lambda call: refused(50038, ""))
    with pytest.raises(ProviderFault, match="again"):
        await driver.link(FILE)


async def test_a_folder_has_no_link():
    """Nobody is asked."""
    driver, site = opened()
    with pytest.raises(IsFolder):
        await driver.link(driver.root)
    assert site.calls == []


# --- batches --------------------------------------------------------------------------------------


async def test_many_links_cost_one_call():
    """Pick codes side by side; each link is its own file's, in whatever order they come."""

    def answer(call):
        plain, _ = opened_form(call)
        assert plain == {"pickcode": "abc13,abc14"}
        return chrome(call, ("abc14", url_of("b")), ("abc13", url_of("a")))

    driver, site = opened(answer)
    links_ = await driver.links([FILE, OTHER])
    assert [each.url for each in links_] == [url_of("a"), url_of("b")]
    assert len(site.calls) == 1


async def test_each_link_of_a_batch_has_the_cookie_of_its_object():
    """They are told apart by the path that they are for."""
    other = "f" * 40
    second = url_of("b", f=3).replace(OBJECT, other)
    cookies = f"{SET}\n{HEX[::-1]}={HEX}; path=/{other}/"
    driver, _ = opened(
        lambda call: chrome(
            call, ("abc13", url_of("a", f=3)), ("abc14", second), headers={"set-cookie": cookies}
        )
    )
    first, last = await driver.links([FILE, OTHER])
    assert (first.headers["Cookie"], last.headers["Cookie"]) == (COOKIE, f"{HEX[::-1]}={HEX}")


async def test_what_a_batch_leaves_out_is_asked_alone_while_somebody_waits():
    """And fails alone."""

    def answer(call):
        plain, _ = opened_form(call)
        if plain.get("pickcode") == "abc13,abc14":
            return chrome(call, ("abc13", url_of("a")))
        return refused(50003, "")

    driver, site = opened(answer)
    first, last = await driver.links([FILE, OTHER])
    assert isinstance(first, Link)
    assert isinstance(last, NotFound)
    assert len(site.calls) == 2


async def test_ahead_of_need_what_is_left_out_is_left_alone():
    """Links of deleted files are said to raise the risk score of an account."""
    token = priority.set(Priority.PREFETCH)
    try:
        driver, site = opened(lambda call: chrome(call, ("abc13", url_of("a"))))
        first, last = await driver.links([FILE, OTHER])
    finally:
        priority.reset(token)
    assert isinstance(first, Link)
    assert isinstance(last, ProviderFault)
    assert len(site.calls) == 1


async def test_a_flagged_file_does_not_cost_the_others_of_its_batch():
    """115 may refuse all for one: each is asked alone while somebody waits."""

    def answer(call):
        plain, _ = opened_form(call)
        if "abc14" in plain["pickcode"]:
            return refused(50038, "文件含有违规内容")
        return chrome(call, ("abc13", url_of("a")))

    driver, site = opened(answer)
    first, last = await driver.links([FILE, OTHER])
    assert isinstance(first, Link)
    assert isinstance(last, Denied)
    assert len(site.calls) == 3


async def test_a_lost_login_is_the_whole_batchs():
    """Asking each file would not help."""
    driver, site = opened(lambda call: refused(990001, "请登录"))
    with pytest.raises(Unauthorized):
        await driver.links([FILE, OTHER])
    assert len(site.calls) == 1


async def test_a_folder_in_a_batch_fails_alone():
    """It is not even asked for."""
    driver, _ = opened(lambda call: chrome(call, ("abc13", url_of("a"))))
    first, last = await driver.links([FILE, driver.root])
    assert isinstance(first, Link)
    assert isinstance(last, IsFolder)


# --- what content servers say ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b'{"status":403,"message":"no cookie value","request_id":"ab"}', LinkExpired),
        (403, b'{"status":403,"message":"no cookie"}', LinkExpired),
        (403, b"<html>forbidden</html>", LinkRefused),
        (403, b"", LinkRefused),
        (405, b"<html>", Blocked),
        (200, b"{}", type(None)),
        (404, b"", type(None)),
        (503, b"", type(None)),
    ],
)
def test_a_content_servers_refusal_is_read(status, body, kind):
    """A missing cookie says so; of other 403s whoever reads knows which it is."""
    driver, _ = opened()
    assert type(driver.classify_content(status, {}, body)) is kind


def test_keys_of_calls_differ():
    """Each answer is decoded with the key of its own call."""
    assert links.new_key() != links.new_key()
