"""Links of the emulated 115 and the host that serves them (wire 115 §5, §11)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.emulators.p115 import m115
from tests.emulators.p115_asker import AGENT, Asker, body, open_answer, seal_request

CHROME = "proapi.115.com/app/chrome/downurl"
ANDROID = "proapi.115.com/android/2.0/ufile/download"
WEB = "webapi.115.com/files/download"


@pytest.fixture
def root(tmp_path):
    """A large file, a small one, an empty one and a folder."""
    folder = tmp_path / "served"
    (folder / "dir").mkdir(parents=True)
    (folder / "片 #1.mkv").write_bytes(bytes(range(256)) * 8192)
    (folder / "small.txt").write_text("small\n")
    (folder / "empty").touch()
    return folder


@pytest.fixture
def asker(root):
    """Signed in."""
    return Asker(root)


def linked(asker, path="片 #1.mkv", **headers):
    """The URL of a file's chrome link, and the cookie that it wants."""
    response, _, inner = asker.chrome(asker.pickcode(path), **headers)
    (item,) = inner.values()
    cookie = response.cookies[-1].partition(";")[0] if response.cookies else None
    return item["url"]["url"], cookie


def test_the_cipher_reads_and_writes_the_vectors():
    """V4 is opened, and V5's text comes out for its plain one (§11.2)."""
    plain = b'{"pickcode":"bcdefghijklmnopq1"}'
    text = (
        "jvtl/lBHOLo04GtA+ca50PEac6wAV9imguIy6hrU1V8YA3Ep7qMbVSpawrNEnqav7soHIXxv/JZVYMTd+Hh+gK"
        "ySArQO9sTi33Mldu24/5BFeR2Mtdxlr98yTIUJfV045UbPogE47kcPF7hVzkPM5eqwGmfzDWfGDr1IGc//AcI="
    )
    assert m115.open_request(text) == (plain, bytes(range(16)))
    assert seal_request(plain) == text
    answer = (
        b'{"2912345678901234567":{"file_name":"a.bin","file_size":"5","pick_code":'
        b'"bcdefghijklmnopq1","url":{"url":"http://127.0.0.1:9/a.bin?t=1","client":0,'
        b'"desc":null,"oss_id":"x"}}}'
    )
    sealed = m115.seal_answer(answer, bytes(range(16)), bytes(range(16, 32)))
    assert sealed.startswith("KNTSCLGqoLwj2wkYhZtylh5w04HSV1r5z58D9MRT6indsC2wkj0JHGwlqPPTQg+Y")
    assert open_answer(sealed) == answer


def test_what_is_sealed_for_another_key_is_refused(asker):
    """The real modulus, no base64, half a block."""
    real = (
        "hOCgE4XO78MoD06rjfaw5R1ymejDBPGPwFuEFNtdysGV5S/lgdmMCF1/rN66O7ynI2iDLzNL6m7Vcn2XD/YnXH"
        "AX1FP9E3ODBBRl6VNXaMtPWgphZD2VmyfimX5bV3whOa6XM5A8RlYG9x3COV8bsu1sTGpA3XkQPjVV7ZES1V8="
    )
    for data in (real, "?", "YWJj"):
        assert asker.post(CHROME, data=data)["errno"] == 50001


def test_a_link_is_served_to_its_agent_with_its_cookie(asker):
    """Whole, a range, and HEAD; the login's cookies are not asked for."""
    url, cookie = linked(asker)
    assert url.startswith("http://115.test/cdnfhnfile.115cdn.net/")
    whole = asker.follow(url, cookie=cookie)
    assert (whole.status, whole.length) == (200, 256 * 8192)
    whole.ended()
    part = asker.follow(url, cookie=f"x=y; {cookie}", range="bytes=10-19")
    assert (part.status, body(part)) == (206, bytes(range(10, 20)))
    assert part.headers["content-range"] == f"bytes 10-19/{256 * 8192}"
    assert asker.follow(url, method="HEAD", cookie=cookie).length == 256 * 8192


def test_another_agent_and_no_cookie_are_403(asker):
    """Only a missing cookie is told in JSON (§2.1)."""
    url, cookie = linked(asker)
    assert asker.follow(url, cookie=cookie, user_agent="other").status == 403
    refused = asker.follow(url)
    assert refused.status == 403
    assert json.loads(body(refused))["message"] == "no cookie value"
    asker.site.settings.switch("no-cookie-short", on=True)
    assert json.loads(body(asker.follow(url)))["message"] == "no cookie"
    url, cookie = linked(asker, user_agent=None)
    assert asker.follow(url, cookie=cookie, user_agent=None).status == 200
    assert asker.follow(url, cookie=cookie, user_agent=AGENT).status == 403


def test_the_cookie_dies_before_the_link(asker):
    """After 900 s the same request is 403; `t` is hours away (§5.2)."""
    url, cookie = linked(asker)
    asker.site.clock.jump(899)
    assert asker.follow(url, cookie=cookie).status == 200
    asker.site.clock.jump(2)
    assert asker.follow(url, cookie=cookie).status == 403
    url, cookie = linked(asker)
    asker.site.control("expire", {"what": "link_cookies"})
    assert asker.follow(url, cookie=cookie).status == 403


def test_a_link_ends_at_its_t(asker):
    """And when it is told to; a changed query is no link at all."""
    asker.site.settings.switch("links-f1", on=True)
    url, cookie = linked(asker)
    assert cookie is None
    assert "&f=1&" in url
    assert asker.follow(url).status == 200
    assert asker.follow(url.replace("&c=2", "&c=9")).status == 403
    asker.site.control("settings", {"link_life_s": 5})
    short, _ = linked(asker)
    asker.site.clock.jump(6)
    assert asker.follow(short).status == 403
    assert asker.follow(url).status == 200
    asker.site.control("expire", {"what": "links"})
    assert asker.follow(url).status == 403


def test_an_unbound_link_is_for_everyone(asker):
    """`f` is empty then."""
    asker.site.settings.switch("links-unbound", on=True)
    url, _ = linked(asker)
    assert "&f=&" in url
    assert asker.follow(url, user_agent="any").status == 200


def test_the_third_connection_is_refused(asker):
    """`c` says how many a link takes; one that ended makes room. Small files have 4."""
    url, cookie = linked(asker)
    assert "&c=2&" in url
    first, _second = asker.follow(url, cookie=cookie), asker.follow(url, cookie=cookie)
    assert asker.follow(url, cookie=cookie).status == 403
    first.ended()
    first.ended()
    assert asker.follow(url, cookie=cookie).status == 200
    assert asker.follow(url, cookie=cookie).status == 403
    another, key = linked(asker)
    assert asker.follow(another, cookie=key).status == 200
    assert "&c=4&" in linked(asker, "small.txt")[0]
    asker.site.control("settings", {"link_connections": 0})
    assert "&c=0&" in linked(asker)[0]


def test_a_range_of_an_empty_file_fails(asker):
    """Reading it without one is fine."""
    url, cookie = linked(asker, "empty")
    assert asker.follow(url, cookie=cookie, range="bytes=0-0").status == 416
    assert asker.follow(url, cookie=cookie).length == 0


def test_the_firewalls_cookie_is_not_the_links(asker):
    """It comes first, its path is `/`, and it opens nothing."""
    asker.site.settings.switch("other-cookies", on=True)
    response, _, _ = asker.chrome(asker.pickcode("small.txt"))
    assert "path=/;" in response.cookies[0]
    url, _ = linked(asker)
    assert asker.follow(url, cookie=response.cookies[0].partition(";")[0]).status == 403


def test_what_has_no_link(asker):
    """A folder has `url` false; what is missing is an empty success, or 50003."""
    _, _, inner = asker.chrome(asker.pickcode("dir"))
    (item,) = inner.values()
    assert item["url"] is False
    _, answer, inner = asker.chrome("a38v1gqa8xmqshq4n")
    assert (answer["state"], inner) == (True, [])
    asker.site.settings.switch("link-empty", on=False)
    assert asker.chrome("nonsense?")[1]["errno"] == 50003
    assert asker.chrome("")[1]["errno"] == 50001


def test_links_of_several_files_come_together(asker):
    """By id, each with its own cookie."""
    codes = f"{asker.pickcode('small.txt')},{asker.pickcode('empty')}"
    response, _, inner = asker.chrome(codes)
    assert {item["file_name"] for item in inner.values()} == {"small.txt", "empty"}
    assert len(set(response.cookies)) == 2


def test_refused_files(asker):
    """Flagged for good, not completely uploaded, and refused every second time."""
    asker.site.control("mark", {"path": "small.txt", "flagged": 1})
    _, answer, _ = asker.chrome(asker.pickcode("small.txt"))
    assert (answer["errno"], bool(answer["msg"])) == (50038, True)
    asker.site.control("mark", {"path": "empty", "incomplete": True})
    assert asker.chrome(asker.pickcode("empty"))[1]["errno"] == 70004
    asker.site.settings.switch("link-transient", on=True)
    code = asker.pickcode("片 #1.mkv")
    answers = [asker.chrome(code)[1] for _ in range(2)]
    assert {(answer["errno"], answer["msg"]) for answer in answers} == {(50038, ""), (0, "")}


def test_an_old_browser_is_refused(asker):
    """115Browser/27 is errno 50029; the version to take is told elsewhere (§0.11)."""
    code = asker.pickcode("small.txt")
    old = "Mozilla/5.0 115Browser/27.0.5.7"
    assert asker.chrome(code, user_agent=old)[1]["errno"] == 50029
    told = asker.get("appversion.115.com/1/web/1.0/api/chrome")
    version = told["data"]["win"]["version_code"]
    assert asker.chrome(code, user_agent=f"Mozilla/5.0 115Browser/{version}")[1]["state"] is True
    assert asker.chrome(code, user_agent="curl/8")[1]["state"] is True
    asker.site.settings.switch("version-check", on=False)
    assert asker.chrome(code, user_agent=old)[1]["state"] is True


def test_the_android_link_wants_an_android_slot(asker):
    """Any other cookie is errno 99, which is no reason to sign in again (§2.2)."""
    wish = {"pick_code": asker.pickcode("small.txt")}
    assert asker.sealed(ANDROID, wish)[1]["errno"] == 99
    asker.cookie = asker.site.sessions.login("android").header
    response, _, inner = asker.sealed(ANDROID, wish)
    cookie = response.cookies[0].partition(";")[0]
    assert body(asker.follow(inner["url"], cookie=cookie)) == b"small\n"


def test_the_web_link(asker):
    """Plain fields, at the top or below `data`, never more than 200 MB; once without cookie."""
    code = asker.pickcode("small.txt")
    plain = asker.get(WEB, pickcode=code, dl=1)
    assert (plain["file_name"], plain["file_size"]) == ("small.txt", "6")
    assert asker.follow(plain["file_url_302"]).status == 200
    assert asker.follow(plain["file_url_302"]).status == 403
    _, _, inner = asker.sealed(WEB, {"pickcode": code})
    assert inner["file_url"].partition("?")[0] == plain["file_url"].partition("?")[0]
    asker.site.settings.switch("download-nested", on=True)
    assert asker.get(WEB, pickcode=code)["data"]["pickcode"] == code
    asker.site.control("settings", {"web_link_bytes": 5})
    assert asker.get(WEB, pickcode=code)["errno"] == 50028
    assert asker.get(WEB, pickcode="a38v1gqa8xmqshq4n")["errno"] == 50003


def test_no_link_without_cookies(asker):
    """99 of `proapi`, 990001 of `webapi`."""
    code = asker.pickcode("small.txt")
    asker.cookie = None
    assert asker.chrome(code)[1]["errno"] == 99
    assert asker.get(WEB, pickcode=code)["errno"] == 990001


def test_a_file_that_changed_is_gone_behind_its_link(asker, root):
    """The bytes that were linked exist no more: HTTP 404."""
    url, cookie = linked(asker, "small.txt")
    Path(root / "small.txt").write_text("larger than before\n")
    assert asker.follow(url, cookie=cookie).status == 404


def test_links_can_lead_to_another_server(root):
    """Over the same directory, with neither condition nor cookie."""
    asker = Asker(root, "--origin", "http://static.test/x/")
    url, cookie = linked(asker)
    assert url.startswith("http://static.test/x/%E7%89%87%20%231.mkv?t=")
    assert "&c=0&f=" in url
    assert cookie is None
