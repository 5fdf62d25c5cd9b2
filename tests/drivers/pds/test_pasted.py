"""What people paste: links of the vendor's hosts, links of other hosts, codes around them."""

from __future__ import annotations

import pytest

from fsmount.drivers.cloudreve.driver import SPEC as CLOUDREVE
from fsmount.drivers.pds.pasted import parse_link, probe
from tests.drivers.pds.scripted import SHARE, Script, answered, refused

LINK = f"https://bj29.apps.aliyunpds.com/disk/s/{SHARE}"
BJ29 = {"share": SHARE, "domain": "bj29", "endpoint": "https://bj29.api.aliyunpds.com"}


@pytest.mark.parametrize(
    ("text", "options", "shown"),
    [
        (LINK, BJ29, LINK),
        (f"{LINK}/", BJ29, LINK),
        (f"{LINK}?from=mail#top", BJ29, LINK),
        (LINK.replace("/disk", ""), BJ29, LINK.replace("/disk", "")),
        (
            LINK.replace("aliyunpds", "aliyunfile").replace("https", "HTTPS"),
            {**BJ29, "endpoint": "https://bj29.api.aliyunfile.com"},
            LINK.replace("aliyunpds", "aliyunfile").replace("https", "HTTPS"),
        ),
        (f"{LINK} 提取码: k9f2", {**BJ29, "share_password": "k9f2"}, f"{LINK}?pwd=***"),
        (f"提取码:k9f2 链接：{LINK}", {**BJ29, "share_password": "k9f2"}, f"{LINK}?pwd=***"),
        (f"{LINK}?pwd=a%26b", {**BJ29, "share_password": "a&b"}, f"{LINK}?pwd=***"),
        (f"Look: {LINK}\ncode: k9!f2.", {**BJ29, "share_password": "k9!f2"}, f"{LINK}?pwd=***"),
    ],
)
def test_links_of_the_vendors_hosts_say_all(text, options, shown):
    """Domain, endpoint, share and code; nothing has to be asked."""
    match = parse_link(text)
    assert match is not None
    assert (dict(match.options), match.shown, match.certain) == (options, shown, True)


@pytest.mark.parametrize("path", ["/disk/s/", "/s/"])
def test_another_host_has_to_be_asked(path):
    """What it is called there is no proof; the length of the id makes it worth asking."""
    match = parse_link(f"https://drive.example.com:8443{path}{SHARE}")
    assert match is not None
    assert not match.certain
    assert match.site == match.options["endpoint"] == "https://drive.example.com:8443"


@pytest.mark.parametrize(
    "text",
    [
        "https://cloud.example.com/s/AbC1",
        "https://cloud.example.com/s/AbC1/password123",
        "cloudreve://AbC1@share",
        "https://www.alipan.com/drive/home",
        f"https://bj29.apps.aliyunpds.com/disk/s/{SHARE}x-y",
        "photos",
        "",
    ],
)
def test_other_links_are_left_to_others(text):
    """Cloudreve's ids are a few letters long."""
    assert parse_link(text) is None


def test_cloudreve_takes_the_same_form_for_its_own():
    """So a link with a long id on a strange host is asked about, of both."""
    assert CLOUDREVE.parse_link(f"https://drive.example.com/s/{SHARE}") is not None


@pytest.mark.parametrize(
    ("answer", "is_one"),
    [
        (refused(404, "NotFound.ShareLink"), True),
        (refused(400, "InvalidParameter.ShareId"), True),
        (refused(400, "ShareLink.Cancelled"), True),
        (answered(b"", status=404, headers={"x-ca-error-code": "I404NF"}), True),
        (answered(b"<html>", status=200), False),
        (answered(b"404 page not found", status=404), False),
        (answered({"code": 404, "msg": "Not found"}, status=200), False),
        (answered({"code": "Other", "message": ""}, status=400), False),
    ],
)
async def test_a_host_says_whether_it_is_one_of_pds(answer, is_one):
    """By the way in which it refuses a share that cannot be; no login is needed to ask."""
    script = Script(share_link__get_by_anonymous=answer)
    assert await probe("https://drive.example.com", script.send) is is_one
    assert script.calls[0].url == "https://drive.example.com/v2/share_link/get_by_anonymous"
