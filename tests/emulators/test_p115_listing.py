"""Listings of the emulated 115: pages, orders, types, and their traps (wire 115 §0, §4)."""

from __future__ import annotations

import hashlib
import os

import pytest

from tests.emulators.p115_asker import Asker


@pytest.fixture
def root(tmp_path):
    """Three folders and seven files, sizes and times in different orders than the names."""
    folder = tmp_path / "served"
    for number in range(3):
        (folder / f"dir{number}").mkdir(parents=True)
    for number in range(7):
        file = folder / f"文件{number}.txt"
        file.write_text("x" * (100 - number))
        os.utime(file, (1_700_000_000 + number % 3, 1_700_000_000 + number % 3))
    (folder / "dir0/inner").mkdir()
    (folder / "dir0/inner/deep.mkv").write_bytes(b"\0" * 5)
    return folder


def names(page):
    """The names of an answer's entries."""
    return [entry.get("n") or entry.get("fn") or entry.get("file_name") for entry in page["data"]]


@pytest.mark.parametrize("limit", [1, 3, 4, 10, 11])
@pytest.mark.parametrize("order", ["file_name", "file_size", "user_utime", "user_ptime"])
def test_every_entry_comes_once_whatever_the_pages(root, order, limit):
    """Folders first; count and offset are those of the whole."""
    asker, seen, offset = Asker(root), [], 0
    while True:
        page = asker.files(o=order, limit=limit, offset=offset)
        assert (page["count"], page["offset"], page["order"]) == (10, offset, order)
        seen += names(page)
        offset += len(page["data"])
        if offset >= page["count"] or not page["data"]:
            break
    assert len(seen) == len(set(seen)) == 10
    assert all(name.startswith("dir") for name in seen[:3])


def test_a_page_has_1150_entries_at_most(tmp_path):
    """Asking for more is no error; adding `limit` to the offset would lose entries."""
    for number in range(1200):
        (tmp_path / f"{number:04}").touch()
    asker = Asker(tmp_path)
    page = asker.files(limit=5000)
    assert (len(page["data"]), page["limit"], page["count"]) == (1150, 1150, 1200)
    assert names(asker.files(limit=5000, offset=1150))[0] == "1150"
    assert len(asker.get("webapi.115.com/files", cid=0)["data"]) == 32


def test_entries_are_written_as_the_web_writes_them(root):
    """A folder has no `fid`, a file's `t` is a text in China's time, its `cid` is the parent's."""
    page = Asker(root).files()
    folder, file = page["data"][0], page["data"][-1]
    content = b"x" * 94
    assert "fid" not in folder
    assert (folder["n"], folder["pid"], folder["t"].isdecimal()) == ("dir0", "0", True)
    assert len(file["fid"]) == 19
    assert (file["cid"], file["s"], file["te"]) == ("0", 94, "1700000000")
    assert file["t"] == "2023-11-15 06:13"
    assert file["sha"] == hashlib.sha1(content).hexdigest().upper()
    assert file["pc"].startswith("a")
    assert folder["pc"].startswith("fa")


@pytest.mark.parametrize(("mode", "kind"), [("text", str), ("number", int)])
def test_fields_change_their_type(root, mode, kind):
    """Whatever §14.5 says may be text or number can be made to be either; others stay."""
    page = Asker(root, "--spelling", mode).files()
    entry = page["data"][-1]
    assert {type(entry[name]) for name in ("cid", "s", "m", "aid", "tp")} == {kind}
    assert type(page["cid"]) is kind
    assert type(page["count"]) is int
    assert type(entry["fid"]) is str


def test_one_field_alone_changes_its_type(root):
    """`spelled` outdoes the general choice."""
    asker = Asker(root)
    asker.site.control("settings", {"spelled": {"cid": "number"}})
    entry = asker.files()["data"][-1]
    assert (entry["cid"], type(entry["tp"])) == (0, str)


def test_mixed_spelling_is_both_at_once(root):
    """The same field is text in one entry and a number in the next."""
    page = Asker(root, "--spelling", "mixed").files()
    assert {type(entry["m"]) for entry in page["data"]} == {str, int} or {
        type(entry["s"]) for entry in page["data"] if "s" in entry
    } == {str, int}


def test_what_is_no_folder_lists_the_root(root):
    """An unknown id and the id of a file alike; only the echoed `cid` tells (§0.3)."""
    asker = Asker(root)
    file = asker.site.tree.find("文件0.txt").id
    for cid in ("3999999999999999999", file, "nonsense"):
        page = asker.files(cid)
        assert (page["state"], str(page["cid"]), page["count"]) == (True, "0", 10)
    asker.site.settings.switch("unknown-refused", on=True)
    assert asker.files(file)["errNo"] == 20009


def test_a_folder_remembers_its_order(root):
    """Without `custom_order` what was asked for does not count (§0.4)."""
    asker = Asker(root)
    page = asker.files(custom_order=0, o="file_name")
    assert (page["order"], page["is_asc"]) == ("user_utime", 0)
    asker.post(
        "webapi.115.com/files/order", file_id="0", user_order="file_size", user_asc=1, fc_mix=1
    )
    page = asker.files(custom_order=0, o="file_name")
    assert (page["order"], page["is_asc"], page["fc_mix"]) == ("file_size", 1, 1)
    asker.site.settings.switch("order-ignored", on=True)
    assert asker.files(o="file_name", custom_order=2)["order"] == "file_size"


def test_an_order_is_refused_with_the_one_that_is_wanted(root):
    """20130827 carries `order` and `is_asc`; asking with those succeeds."""
    asker = Asker(root, "--defect", "order-refused")
    refused = asker.files(o="file_name", asc=1)
    assert (refused["state"], refused["errNo"]) == (False, 20130827)
    again = asker.files(o=refused["order"], asc=refused["is_asc"])
    assert (again["state"], len(again["data"])) == (True, 10)


def test_the_fast_listing_is_by_name_and_ends_at_1200(tmp_path):
    """Beyond that the offset is 0 again, and the answer says so (§4.2)."""
    for number in range(1300):
        (tmp_path / f"n{number}").touch()
    asker = Asker(tmp_path)
    place = "aps.115.com/natsort/files.php"
    page = asker.get(place, cid=0, limit=1200, o="user_ptime", asc=1, fc_mix=1)
    assert (page["order"], len(page["data"]), names(page)[:3]) == (
        "file_name",
        1200,
        ["n0", "n1", "n2"],
    )
    beyond = asker.get(place, cid=0, limit=1200, offset=1200, asc=1)
    assert (beyond["offset"], len(beyond["data"])) == (0, 1200)
    asker.cookie = None
    assert asker.get(place, cid=0) == {"state": False, "error": "请先登录"}


def test_a_listing_without_folders_is_of_the_whole_subtree(root):
    """`show_dir=0`, a type or a suffix; `cur=1` keeps it to the folder (§4.1)."""
    asker = Asker(root)
    assert len(names(asker.files(show_dir=0))) == 8
    assert len(names(asker.files(show_dir=0, cur=1))) == 7
    assert names(asker.files(type=4)) == ["deep.mkv"]
    assert names(asker.files(suffix="mkv")) == ["deep.mkv"]


def test_the_apps_sort_by_other_times_as_by_modification(root):
    """`user_ptime` and `user_otime` are `user_utime` there, and folders always come first."""
    asker = Asker(root)
    for place in ("proapi.115.com/android/2.0/ufile/files", "proapi.115.com/android/files"):
        page = asker.get(place, cid=0, o="user_ptime", asc=1, custom_order=1, fc_mix=1, limit=100)
        assert page["order"] == "user_utime"
        assert len(names(page)) == 10
        assert names(page)[0].startswith("dir")
    short = asker.get("proapi.115.com/android/2.0/ufile/files", cid=0, fields="fid,fn")
    assert set(short["data"][0]) == {"fid", "fn"}
    assert asker.send("GET", "proapi.115.com/android/files?cid=0&limit=10000").status == 500


def test_two_entries_may_have_one_name(root):
    """Two files, and a file beside a folder; a name may even hold a slash (§0.6, §4.6)."""
    asker = Asker(root)
    asker.site.control("add", {"path": "/dir1", "name": "a/b", "content": "one"})
    asker.site.control("add", {"path": "/dir1", "name": "a/b", "content": "two"})
    asker.site.control("add", {"path": "/dir1", "name": "a/b"})
    page = asker.files(asker.site.tree.find("dir1").id)
    assert names(page) == ["a/b"] * 3
    assert len({entry.get("fid") or entry["cid"] for entry in page["data"]}) == 3


def test_names_can_be_escaped(root):
    """Forbidden characters come as their numbers when the switch is on (§4.6)."""
    asker = Asker(root, "--defect", "escaped-names")
    asker.site.control("add", {"path": "/dir1", "name": 'q"<>', "content": ""})
    page = asker.files(asker.site.tree.find("dir1").id)
    assert names(page) == ["q[\x0234][\x0260][\x0262]"]


def test_system_folders_come_first(root):
    """Whatever the order, and `sys_count` counts them (§4.1)."""
    asker = Asker(root, "--defect", "system-folders")
    page = asker.files(o="file_size", asc=0, fc_mix=1)
    assert set(names(page)[:2]) == {"最近接收", "云下载"}
    assert (page["sys_count"], page["count"]) == (2, 12)
    assert asker.files(asker.site.tree.find("dir0").id)["sys_count"] == 0


def test_fields_can_be_missing(root):
    """What may be missing is missing or null."""
    entry = Asker(root, "--defect", "sparse").files()["data"][0]
    assert entry["fl"] is None
    assert "u" not in entry


def test_a_file_of_other_content_is_another_file(root):
    """Its id changes, as after an upload; the ids of an emulator started again do not."""
    first = {entry["n"]: entry.get("fid") for entry in Asker(root).files()["data"]}
    (root / "文件0.txt").write_text("other")
    second = {entry["n"]: entry.get("fid") for entry in Asker(root).files()["data"]}
    assert {name for name in first if first[name] != second[name]} == {"文件0.txt"}


def test_a_file_that_comes_between_pages_moves_what_follows(root):
    """A listing is no snapshot, and `count` tells (§4.1)."""
    asker = Asker(root)
    first = asker.files(limit=5)
    (root / "dir00").mkdir()
    second = asker.files(limit=5, offset=5)
    assert (first["count"], second["count"]) == (10, 11)
    assert names(first)[-1] == names(second)[0]


def test_one_object_is_told(root):
    """By id and by pickcode; not the root, and nothing that is gone (§4.4)."""
    asker = Asker(root)
    node = asker.site.tree.find("文件1.txt")
    place = "webapi.115.com/files/get_info"
    for query in ({"file_id": node.id}, {"pick_code": node.pickcode}):
        assert asker.get(place, **query)["data"][0]["n"] == "文件1.txt"
    for wrong in (0, 3999999999999999999):
        assert asker.get(place, file_id=wrong)["code"] == 20018


def test_a_category_is_an_object_without_state(root):
    """Counts and a size in words; an unknown id is an empty object or an empty list."""
    asker = Asker(root)
    folder = asker.site.tree.find("dir0/inner")
    told = asker.get("webapi.115.com/category/get", cid=folder.id)
    assert "state" not in told
    assert (told["count"], told["size"], told["file_category"]) == ("1", "5.00B", "0")
    assert [one["file_id"] for one in told["paths"]] == [0, folder.parent.id]
    assert asker.get("webapi.115.com/category/get", cid=1) == {}
    asker.site.settings.switch("category-empty-list", on=True)
    assert asker.get("webapi.115.com/category/get", cid=1) == []


def test_a_path_leads_to_the_id_of_a_folder_only(root):
    """0 is "not found", and a file is not found (§4.4)."""
    asker = Asker(root)
    place, inner = "webapi.115.com/files/getid", asker.site.tree.find("dir0/inner")
    assert asker.get(place, path="/dir0/inner")["id"] == str(inner.id)
    assert asker.get(place, path="dir0/inner")["id"] == str(inner.id)
    assert asker.get(place, path="/文件0.txt")["id"] == "0"


def test_space_is_told_in_fractions(root):
    """The size of the space is a float until the switch is off (§4.5)."""
    asker = Asker(root)
    place = "webapi.115.com/files/index_info"
    total = asker.get(place)["data"]["space_info"]["all_total"]["size"]
    assert total == (1 << 50) + 0.875
    asker.site.control("settings", {"spelled": {"size": "text"}})
    text = asker.get(place)["data"]["space_info"]["all_total"]["size"]
    assert (type(text), float(text)) == (str, total)
    asker.site.control("settings", {"spelled": {}})
    asker.site.settings.switch("float-sizes", on=False)
    assert type(asker.get(place)["data"]["space_info"]["all_total"]["size"]) is int


def test_without_cookies_nothing_is_told(root):
    """Each family has its own words for it; a dead cookie is the same."""
    asker = Asker(root)
    asker.site.control("expire", {"what": "cookie"})
    assert asker.files()["errNo"] == 990001
    assert asker.get("webapi.115.com/files/index_info")["errno"] == 990001
    assert asker.get("webapi.115.com/files/get_info", file_id=1)["code"] == 990001
    assert asker.get("proapi.115.com/android/files")["errno"] == 99
    asker.site.control("revive", {})
    assert asker.files()["state"] is True


def test_the_host_is_taken_from_three_places(root):
    """A header, the path's first segment, `Host`; mirrors are the same service."""
    asker = Asker(root)
    for place, headers in (
        ("files?cid=0", {"x_real_host": "webapi.115.com"}),
        ("webapi.115.com/files?cid=0", {}),
        ("web.api.115.com/files/?cid=0&app_ver=1", {}),
        ("115cdn.com/webapi/files?cid=0", {}),
        ("files?cid=0", {"host": "webapi.115.com:443"}),
    ):
        assert asker.send("GET", place, **headers).segments[0].startswith(b'{"state": true')
    assert asker.get("webapi.115.com/files/nonsense")["errno"] == 980006
    assert asker.send("GET", "files?cid=0").status == 404
