"""Downloads that 115 does by itself: links in, tasks out, what is left of the quota."""

from __future__ import annotations

import pytest

from fsmount.drivers.p115.offline import LINKS_PER_CALL
from fsmount.errors import (
    Blocked,
    Denied,
    NotFolder,
    NotSupported,
    ProtocolError,
    ProviderFault,
    UsageError,
)
from fsmount.model import Entry, EntryId, Kind, OfflineState, OfflineTask
from tests.drivers.p115.scripted import answered, opened, opened_form, refused, sealed_answer

INTO = Entry(id=EntryId("77"), name="films", kind=Kind.FOLDER)
NAV = answered({"state": True, "data": {"user_id": 100000001, "user_name": "ann"}})
MAGNET = "magnet:?xt=urn:btih:" + "ab" * 20
DONE = OfflineTask(id="h1", name="x", state=OfflineState.DONE)


def result(url, **more):
    row = {"state": True, "errno": 0, "errcode": 0, "info_hash": f"h{len(url)}", "name": "n"}
    return {**row, "url": url, **more}


async def test_links_are_added_encrypted_and_all_values_are_texts():
    """With the user, the folder and each link under its index."""
    asked = {}

    def answer(call):
        if "my.115.com" in call.url:
            return NAV
        asked["plain"], _ = opened_form(call)
        told = [result(url) for key, url in asked["plain"].items() if key.startswith("url[")]
        return sealed_answer(call, {"state": True, "errno": 0, "errcode": 0, "result": told})

    driver, site = opened(answer)
    links = [" https://example.com/a.iso ", MAGNET, "ed2k://|file|a|5|ab|/"]
    tasks = await driver.offline_add(links, INTO)
    assert asked["plain"]["wp_path_id"] == "77"
    assert asked["plain"]["uid"] == "100000001"
    assert asked["plain"]["url[0]"] == "https://example.com/a.iso"
    assert asked["plain"]["url[2]"] == links[2]
    assert all(isinstance(value, str) for value in asked["plain"].values())
    assert [(each.name, each.state, each.folder) for each in tasks] == [
        ("n", OfflineState.WAITING, "77")
    ] * 3
    assert site.paths[1] == "clouddownload.115.com/lixianssp/"


async def test_no_folder_leaves_it_to_115():
    """The field is not sent."""

    def answer(call):
        if "my.115.com" in call.url:
            return NAV
        plain, _ = opened_form(call)
        assert "wp_path_id" not in plain
        return sealed_answer(call, {"state": True, "result": [result(MAGNET)]})

    driver, _ = opened(answer)
    (task,) = await driver.offline_add([MAGNET], None)
    assert task.folder == ""


async def test_each_link_has_its_own_answer():
    """A bad one fails alone; one that is there already is as good as new."""

    def answer(call):
        if "my.115.com" in call.url:
            return NAV
        told = [
            result("a"),
            result("b", state=False, errcode=10008, error_msg="任务已存在"),
            result("c", state=False, errcode=10004, error_msg="链接错误", info_hash=""),
            result("d", state=False, errcode="10010", info_hash=""),
            result("e", state=False, errno=10016, errcode=0, info_hash=""),
        ]
        return sealed_answer(call, {"state": False, "errcode": 0, "result": told})

    driver, _ = opened(answer)
    tasks = await driver.offline_add(
        [MAGNET, MAGNET + "1", "http://x/", "http://y/", "http://z/"], None
    )
    assert [type(each) for each in tasks] == [OfflineTask, OfflineTask, UsageError, Denied, Denied]
    assert "链接错误" in str(tasks[2])


async def test_what_115_cannot_fetch_is_not_even_asked():
    """And the others are, in their places."""

    def answer(call):
        if "my.115.com" in call.url:
            return NAV
        plain, _ = opened_form(call)
        assert [key for key in plain if key.startswith("url[")] == ["url[0]"]
        return sealed_answer(call, {"state": True, "result": [result(MAGNET)]})

    driver, _ = opened(answer)
    first, second = await driver.offline_add(["file:///etc/passwd", MAGNET], None)
    assert isinstance(first, NotSupported)
    assert isinstance(second, OfflineTask)


async def test_many_links_go_in_several_calls():
    """Each in its place."""
    sizes = []

    def answer(call):
        if "my.115.com" in call.url:
            return NAV
        plain, _ = opened_form(call)
        urls = [url for key, url in plain.items() if key.startswith("url[")]
        sizes.append(len(urls))
        return sealed_answer(
            call, {"state": True, "result": [result(url, info_hash=url[-2:]) for url in urls]}
        )

    driver, _ = opened(answer)
    links = [f"http://x/{index:02}" for index in range(LINKS_PER_CALL + 3)]
    tasks = await driver.offline_add(links, None)
    assert sizes == [LINKS_PER_CALL, 3]
    assert [each.id for each in tasks] == [link[-2:] for link in links]


async def test_the_older_host_is_asked_where_the_newer_call_is_gone():
    """The call moved between them."""

    def answer(call):
        if "my.115.com" in call.url:
            return NAV
        if "clouddownload" in call.url:
            return refused(980006, "404 Not Found")
        return sealed_answer(call, {"state": True, "result": [result(MAGNET)]})

    driver, site = opened(answer)
    (task,) = await driver.offline_add([MAGNET], None)
    assert isinstance(task, OfflineTask)
    assert site.paths[-1] == "lixian.115.com/lixianssp/"
    assert site.calls[-1].params["ac"] == "add_task_urls"


async def test_a_check_of_a_person_stops_everything():
    """911: nothing is asked again by itself."""
    driver, _ = opened(NAV, answered({"state": False, "errcode": 911, "error_msg": "请验证账号"}))
    with pytest.raises(Blocked, match="verify"):
        await driver.offline_add([MAGNET], None)


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        ({"state": False, "errcode": 10010, "error_msg": "配额不足"}, Denied),
        ({"state": False}, ProviderFault),
    ],
)
async def test_a_refusal_of_all_links_is_each_ones(inner, kind):
    """It comes inside the envelope."""
    driver, _ = opened(lambda call: NAV if "my.115.com" in call.url else sealed_answer(call, inner))
    assert [type(each) for each in await driver.offline_add([MAGNET, "http://x/"], None)] == [
        kind,
        kind,
    ]


async def test_fewer_answers_than_links_are_an_error():
    """Nobody could tell which is whose."""
    driver, _ = opened(
        lambda call: (
            NAV
            if "my.115.com" in call.url
            else sealed_answer(call, {"state": True, "result": [result("a")]})
        )
    )
    with pytest.raises(ProtocolError):
        await driver.offline_add([MAGNET, "http://x/"], None)


async def test_a_file_is_no_place_to_download_into():
    """Nobody is asked."""
    driver, site = opened()
    with pytest.raises(NotFolder):
        await driver.offline_add([MAGNET], Entry(id=EntryId("5"), name="f", kind=Kind.FILE))
    assert site.calls == []


# --- tasks ----------------------------------------------------------------------------------------


def task(ident, **more):
    row = {"info_hash": ident, "name": f"n{ident}", "size": 7, "url": "http://x/", "status": 1}
    return {**row, "percentDone": 50, "add_time": 1700000000, "wp_path_id": "77", **more}


def tasks(*rows, page=1, pages=1):
    body = {"state": True, "errno": 0, "page": page, "page_count": pages, "tasks": list(rows)}
    return answered({**body, "quota": 90, "total": 100})


async def test_tasks_are_told_with_their_state_and_progress():
    """Every page of them, each once."""
    driver, site = opened(
        tasks(task("a"), task("b", status=2, percentDone=100), pages=2),
        tasks(task("b"), task("c", status=-1, size=0), task("d", status="0"), page=2, pages="2"),
    )
    found = await driver.offline_tasks()
    assert [(each.id, each.state, each.progress) for each in found] == [
        ("a", OfflineState.RUNNING, 0.5),
        ("b", OfflineState.DONE, 1.0),
        ("c", OfflineState.FAILED, 0.5),
        ("d", OfflineState.WAITING, 0.5),
    ]
    assert found[2].size is None
    assert found[2].reason
    assert found[0].added_ns == 1_700_000_000 * 10**9
    assert found[0].folder == "77"
    assert [call.params["page"] for call in site.calls] == ["1", "2"]


@pytest.mark.parametrize("rows", [[], None])
async def test_no_tasks_are_no_error(rows):
    """An empty list, or none at all."""
    driver, _ = opened(answered({"state": True, "tasks": rows, "page_count": 0}))
    assert await driver.offline_tasks() == []


async def test_a_task_that_cannot_be_understood_costs_itself():
    """The others are told."""
    driver, _ = opened(tasks(None, {"name": "no hash"}, task("a", percentDone="x")))
    assert [(each.id, each.progress) for each in await driver.offline_tasks()] == [("a", 0.0)]


async def test_pages_that_never_end_are_cut_off():
    """Each claims one more."""
    driver, site = opened(lambda call: tasks(task("a"), pages=10**9))
    assert len(await driver.offline_tasks()) == 1
    assert len(site.calls) == 200


@pytest.mark.parametrize(("with_files", "flag"), [(False, "0"), (True, "1")])
async def test_a_task_is_forgotten_with_or_without_its_files(with_files, flag):
    """Files stay unless it is said."""
    driver, site = opened(answered({"state": True, "errno": 0}))
    await driver.offline_remove(DONE, with_files=with_files)
    assert site.calls[0].form == {"ac": "task_del", "hash[0]": "h1", "flag": flag}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"state": True, "quota": 90, "total": 100}, (90, 100)),
        ({"state": True, "data": {"count": 1500, "used": 10, "surplus": "1490"}}, (1490, 1500)),
        ({"state": True, "surplus": 3, "count": 5}, (3, 5)),
        ({"state": True, "quota": "7"}, (7, None)),
        ({"state": True, "quota": -1}, (0, None)),
    ],
)
async def test_the_quota_is_read_whatever_it_is_called(body, expected):
    """Its answer is known by hearsay only."""
    driver, site = opened(answered(body))
    quota = await driver.offline_quota()
    assert (quota.left, quota.total) == expected
    assert len(site.calls) == 1


async def test_a_quota_that_is_not_told_is_taken_from_the_tasks():
    """They carry it as well."""
    driver, _ = opened(answered({"state": True, "data": []}), tasks())
    assert (await driver.offline_quota()).left == 90


async def test_a_quota_that_nobody_tells_is_an_error():
    """Not a zero."""
    driver, _ = opened(lambda call: answered({"state": True}))
    with pytest.raises(ProviderFault, match="left"):
        await driver.offline_quota()


async def test_downloads_are_paced_by_themselves():
    """A listing never waits for them."""
    driver, _ = opened(tasks())
    await driver.offline_tasks()
    assert driver._account.families == ["offline"]
