"""Downloads that the emulated 115 makes into the drive (wire 115 §9)."""

from __future__ import annotations

import json

import pytest

from tests.emulators.p115_asker import Asker, open_answer, seal_request

ADD = "clouddownload.115.com/lixianssp/"
WEB = "clouddownload.115.com/web/"
OLD = "lixian.115.com/lixian/?ct=lixian&ac="
MAGNET = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=影片"
ED2K = "ed2k://|file|a%20b.mkv|123|0123456789ABCDEF0123456789ABCDEF|/"


@pytest.fixture
def asker(tmp_path):
    """Signed in, over one folder."""
    (tmp_path / "served/放这里").mkdir(parents=True)
    return Asker(tmp_path / "served")


def added(asker, *urls, **more):
    """The opened answer to adding these links."""
    wish = {"ac": "add_task_urls", "app_ver": "36.2.28", "uid": "100000001", **more}
    wish |= {f"url[{number}]": url for number, url in enumerate(urls)}
    _, answer, inner = asker.sealed(ADD, wish)
    assert answer["state"] is inner["state"]
    return inner


def tasks(asker, **query):
    """A page of tasks."""
    return asker.get(WEB, ac="task_lists", **query)


def test_a_task_goes_with_the_clock_and_ends_in_the_drive(asker):
    """Queued, running, done; then the file is where it was wished."""
    folder = asker.site.tree.find("放这里")
    done = added(asker, "https://example.test/x/%E7%89%87.bin", wp_path_id=str(folder.id))
    assert done["result"][0]["name"] == "片.bin"
    seen = []
    for _ in range(4):
        (task,) = tasks(asker)["tasks"]
        seen.append((task["status"], task["percentDone"] >= 40))
        asker.site.clock.jump(5)
    assert seen == [(0, False), (1, True), (2, True), (2, True)]
    page = asker.files(folder.id)
    assert [(entry["n"], entry["s"]) for entry in page["data"]] == [("片.bin", 4096)]
    assert task["delete_file_id"] == page["data"][0]["fid"]
    assert task["file_id"] == task["wp_path_id"] == str(folder.id)


def test_a_listing_alone_brings_what_is_done(asker):
    """Nobody has to ask for the tasks; without a folder it is 云下载."""
    added(asker, MAGNET, ED2K)
    assert asker.files()["count"] == 1
    asker.site.clock.jump(11)
    assert {entry["n"] for entry in asker.files()["data"]} == {"放这里", "云下载"}
    inside = asker.files(asker.site.tree.find("云下载").id)
    assert {entry["n"] for entry in inside["data"]} == {"影片", "a b.mkv"}
    assert [
        entry["n"] for entry in asker.files(asker.site.tree.find("云下载/影片").id)["data"]
    ] == ["影片.mkv"]


def test_each_link_has_its_own_result(asker):
    """A bad one, one twice, a folder that is none; the others are added."""
    results = added(asker, MAGNET, "gopher:x", MAGNET)["result"]
    assert [one["errcode"] for one in results] == [0, 10004, 10008]
    assert results[0]["info_hash"] == results[2]["info_hash"]
    again = added(asker, MAGNET)
    assert (again["state"], again["errcode"]) == (False, 10008)
    assert added(asker, ED2K, wp_path_id="123")["result"][0]["errcode"] == 10014
    asker.site.control("settings", {"offline_quota": 1})
    assert added(asker, ED2K)["result"][0]["errcode"] == 10010


def test_numbers_in_the_sealed_form_are_refused(asker):
    """All values must be text (§9); another key opens nothing."""
    wish = {"ac": "add_task_urls", "uid": 100000001, "url[0]": MAGNET}
    assert asker.sealed(ADD, wish)[1]["errcode"] == 1001
    assert asker.post(ADD, data="QUJD")["state"] is False
    assert tasks(asker)["count"] == 0


def test_the_old_host_knows_the_same(asker):
    """Adding, listing with its own page size, deleting."""
    data = seal_request(json.dumps({"ac": "add_task_urls", "url[0]": MAGNET}).encode())
    answer = asker.post("lixian.115.com/lixianssp/?ac=add_task_urls", data=data)
    (result,) = json.loads(open_answer(answer["data"]))["result"]
    listed = asker.post(f"{OLD}task_lists&page=1")
    assert (listed["page_row"], listed["count"], listed["total"]) == (30, 1, 1500)
    asker.post(f"{OLD}task_del", **{"hash[0]": result["info_hash"], "flag": "0"})
    assert tasks(asker)["count"] == 0


def test_the_plain_form_wants_sign_and_time(asker):
    """They are given by the page of the space."""
    wish = {"ac": "add_task_urls", "url[0]": ED2K}
    assert asker.post(WEB, **wish)["errcode"] == 1001
    for kind in ("clouddownload", "offline"):
        given = asker.get("115.com/", ct=kind, ac="space")
    assert asker.post(WEB, **wish, sign=given["sign"], time=given["time"])["state"] is True


def test_tasks_come_in_pages_and_by_state(asker):
    """Newest first."""
    added(asker, *[f"https://example.test/{number}" for number in range(5)])
    pages = [tasks(asker, page=page, page_size=2) for page in (1, 2, 3)]
    names = [task["name"] for page in pages for task in page["tasks"]]
    assert names == ["4", "3", "2", "1", "0"]
    assert (pages[0]["page_count"], pages[0]["count"]) == (3, 5)
    asker.site.clock.jump(11)
    added(asker, "https://example.test/will-fail", "https://example.test/last")
    asker.site.clock.jump(5)
    assert [tasks(asker, stat=stat)["count"] for stat in (11, 9, 12)] == [5, 0, 2]
    asker.site.clock.jump(6)
    assert [tasks(asker, stat=stat)["count"] for stat in (11, 9, 12)] == [6, 1, 0]


def test_deleting_takes_the_files_along_when_asked_to(asker):
    """`flag` 1; clearing has its own flags."""
    infos = [one["info_hash"] for one in added(asker, MAGNET, ED2K)["result"]]
    asker.site.clock.jump(11)
    asker.post(WEB, ac="task_del", **{"hash[0]": infos[0], "flag": "1"})
    folder = asker.site.tree.find("云下载")
    assert [entry["n"] for entry in asker.files(folder.id)["data"]] == ["a b.mkv"]
    added(asker, "https://example.test/running")
    asker.post(WEB, ac="task_clear", flag="4")
    assert asker.files(folder.id)["count"] == 0
    assert [task["name"] for task in tasks(asker)["tasks"]] == ["running"]
    asker.post(WEB, ac="task_clear", flag="1")
    assert tasks(asker)["count"] == 0


def test_the_quota_counts_what_was_added(asker):
    """Also what has ended and was forgotten."""
    added(asker, MAGNET, ED2K)
    asker.post(WEB, ac="task_clear", flag="1")
    told = asker.get(WEB, ac="get_quota_info")
    assert (told["count"], told["used"], told["surplus"]) == (1500, 2, 1498)


def test_a_human_may_be_asked_for(asker):
    """911, and nothing is added (§2.2)."""
    asker.site.control("block", {"form": "captcha", "family": "own"})
    _, answer, _ = asker.sealed(ADD, {"ac": "add_task_urls", "url[0]": MAGNET})
    assert (answer["state"], answer["errcode"], answer["errno"]) == (False, 911, 911)
    asker.site.control("heal", {})
    assert tasks(asker)["count"] == 0


def test_without_a_login_there_is_nothing(asker):
    """The envelope is that of downloads."""
    asker.cookie = None
    answer = asker.get(WEB, ac="task_lists")
    assert (answer["state"], answer["errcode"], bool(answer["error_msg"])) == (False, 99, True)
