"""The Aliyundrive emulator, own drives: links, the storage behind them, scripted errors."""

from __future__ import annotations

import pytest

from tests.emulators.aliyun_asker import REFERER, Owner, text_of, value_of
from tests.emulators.pds.errors import ERRORS, STORAGE_ERRORS

CONTENT = b"0123456789"


@pytest.fixture
def root(tmp_path):
    """Two folders and three files."""
    folder = tmp_path / "served"
    (folder / "目录" / "深").mkdir(parents=True)
    (folder / "a.txt").write_bytes(CONTENT)
    (folder / "空.bin").write_bytes(b"")
    (folder / "目录" / "图.png").write_bytes(b"picture")
    return folder


@pytest.fixture
def owner(root):
    """The owner of a drive over the root."""
    return Owner(root)


def test_a_link_of_a_web_token_wants_the_referer(owner):
    """Without it the storage says which header is missing, with a foreign one that it differs."""
    url = owner.link(owner.ids()["a.txt"])["url"]
    bare = owner.fetch(url)
    assert bare.status == 400
    assert b"AdditionalHeaders" in text_of(bare)
    assert owner.fetch(url, referer="https://elsewhere.test/").status == 403
    assert text_of(owner.fetch(url, referer=REFERER)) == CONTENT


def test_a_link_of_a_mobile_token_wants_nothing(root):
    """Such tokens come by QR code."""
    owner = Owner(root, kind="mobile")
    url = owner.link(owner.ids()["a.txt"])["url"]
    assert text_of(owner.fetch(url)) == CONTENT


@pytest.mark.parametrize("style", ["v1", "v2"])
def test_a_link_lives_as_long_as_it_says(root, style):
    """Then the storage answers 403 in XML, with the two times."""
    owner = Owner(root, "--links", style, kind="mobile")
    url = owner.link(owner.ids()["a.txt"], expire_sec=600)["url"]
    assert ("Expires=" in url.replace("x-oss-expires", "")) == (style == "v1")
    owner.jump(599)
    assert owner.fetch(url).status == 200
    owner.jump(2)
    over = owner.fetch(url)
    assert over.status == 403
    for part in (b"<Code>AccessDenied</Code>", b"Request has expired.", b"<ServerTime>"):
        assert part in text_of(over)


def test_a_link_may_live_shorter_than_asked(root):
    """`expiration` and the address tell the truth."""
    owner = Owner(root, "--link-life", "900", kind="mobile")
    told = owner.link(owner.ids()["a.txt"], expire_sec=14400)
    owner.jump(901)
    assert owner.fetch(told["url"]).status == 403
    assert owner.code(
        "/v2/file/get_download_url",
        {"drive_id": "1001", "file_id": owner.ids()["a.txt"], "expire_sec": 14401},
    ) == (400, "InvalidParameter.ExpireSec")


def test_a_link_that_was_altered_does_not_work(owner):
    """Also not when only its escapes were undone."""
    url = owner.link(owner.ids()["a.txt"])["url"]
    for altered in (url.replace("%2F", "/", 1), url.replace("di=bj29", "di=bj28")):
        assert altered != url
        answer = owner.fetch(altered, referer=REFERER)
        assert answer.status == 403
        assert b"SignatureDoesNotMatch" in text_of(answer)


def test_all_links_can_be_made_to_expire(owner):
    """The next ones work."""
    file_id = owner.ids()["a.txt"]
    url = owner.link(file_id)["url"]
    owner.site.control("expire", {"what": "links"})
    assert owner.fetch(url, referer=REFERER).status == 403
    assert owner.fetch(owner.link(file_id)["url"], referer=REFERER).status == 200


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=8-10", 200, CONTENT),
        ("bytes=10-", 200, CONTENT),
        ("bytes=-11", 200, CONTENT),
        ("bytes=4-2", 200, CONTENT),
        ("bytes=0-1,3-4", 200, CONTENT),
    ],
)
def test_a_range_that_leaves_the_object_is_ignored(owner, asked, status, content):
    """The storage answers 200 and everything instead of 416 or what there is."""
    url = owner.link(owner.ids()["a.txt"])["url"]
    answer = owner.fetch(url, referer=REFERER, range=asked)
    assert (answer.status, text_of(answer)) == (status, content)
    assert ("content-range" in answer.headers) == (status == 206)


def test_a_range_can_be_made_to_fail(owner):
    """By the switch, or as the standard has it by the storage's own header."""
    url = owner.link(owner.ids()["a.txt"])["url"]
    standard = {"x_oss_range_behavior": "standard"}
    clamped = owner.fetch(url, referer=REFERER, range="bytes=8-10", **standard)
    assert (clamped.status, text_of(clamped)) == (206, b"89")
    assert owner.fetch(url, referer=REFERER, range="bytes=10-", **standard).status == 416
    owner.site.control("switch", {"range-416": True})
    assert owner.fetch(url, referer=REFERER, range="bytes=8-10").status == 416


def test_a_fourth_body_at_a_time_is_refused(owner):
    """Three are granted; the link stays good."""
    url = owner.link(owner.ids()["a.txt"])["url"]
    owner.site.counters.active["content"] = 3
    answer = owner.fetch(url, referer=REFERER)
    assert answer.status == 403
    assert b"ExceedMaxConcurrency" in text_of(answer)
    owner.site.counters.active["content"] = 2
    assert owner.fetch(url, referer=REFERER).status == 200


def test_an_overwritten_file_has_another_link(owner, root):
    """The old one finds no key any more."""
    file_id = owner.ids()["a.txt"]
    url = owner.link(file_id)["url"]
    (root / "a.txt").write_bytes(b"other content")
    answer = owner.fetch(url, referer=REFERER)
    assert answer.status == 404
    assert b"NoSuchKey" in text_of(answer)
    assert owner.link(file_id)["size"] == len(b"other content")


def test_links_of_folders_and_of_nothing_are_refused(owner):
    """Each in its own words."""
    where = {"drive_id": "1001", "file_id": owner.ids()["目录"]}
    refused = owner.code("/v2/file/get_download_url", where)
    assert refused == (400, "InvalidResource.FileTypeFolder")
    where["file_id"] = "f" * 40
    assert owner.code("/v2/file/get_download_url", where) == (404, "NotFound.File")


def test_frozen_and_illegal_files(owner):
    """A frozen one leads to a notice, an illegal one nowhere."""
    file_id = owner.ids()["a.txt"]
    owner.site.control("punish", {"path": "a.txt", "flag": 2})
    told = owner.link(file_id)
    assert told["punish_flag"] == 2
    assert "pds-system-file.oss-cn-beijing.aliyuncs.com/illegal" in told["url"]
    assert text_of(owner.fetch(told["url"])) != CONTENT
    owner.site.control("punish", {"path": "a.txt", "flag": 103})
    assert owner.link(file_id)["url"] == ""


def test_thumbnails_are_pictures(owner):
    """Only pictures and films have one."""
    folder = owner.ids()["目录"]
    item = owner.page(folder, type="file")["items"][0]
    assert text_of(owner.fetch(item["thumbnail"])).startswith(b"\x89PNG")
    files = {item["name"]: item for item in owner.page()["items"]}
    assert "thumbnail" not in files["a.txt"]


def test_a_deleted_file_takes_its_links_along(owner):
    """Unless the switch says otherwise: nobody knows."""
    url = owner.link(owner.ids()["a.txt"])["url"]
    owner.site.control("trash", {"path": "a.txt", "for_good": True})
    assert owner.fetch(url, referer=REFERER).status == 404
    owner.site.control("switch", {"links-outlive-files": True})
    assert text_of(owner.fetch(url, referer=REFERER)) == CONTENT


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_of_the_tables_can_be_scripted(owner, code):
    """With its status."""
    answer = owner.site.refuse(code, "")
    assert answer.status == ERRORS[code][0]
    assert value_of(answer)["code"] == code


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        ("502", 502, b"Bad Gateway"),
        ("504", 504, b"Gateway Timeout"),
        ("429", 429, b""),
        ("D504TO", 504, b""),
        ("404 page", 404, b"404 page not found"),
    ],
)
def test_answers_without_json_can_be_scripted(owner, code, status, text):
    """As gateways send them."""
    answer = owner.site.refuse(code, "")
    assert (answer.status, text_of(answer)) == (status, text)


@pytest.mark.parametrize("code", STORAGE_ERRORS)
def test_every_error_of_the_storage_can_be_scripted(owner, code):
    """They are XML."""
    answer = owner.site.refuse(code, "")
    assert answer.status == STORAGE_ERRORS[code][0]
    assert f"<Code>{code}</Code>".encode() in text_of(answer)
