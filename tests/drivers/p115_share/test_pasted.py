"""A share is recognised in whatever people paste, and its code is never shown."""

from __future__ import annotations

import pytest

from fsmount import drivers
from fsmount.drivers.p115_share.options import ShareOptions, share_of
from fsmount.drivers.p115_share.pasted import parse_link
from fsmount.errors import UsageError

SHARE = "sw0abcd3fgh"


@pytest.mark.parametrize(
    ("text", "code", "root"),
    [
        (f"https://115.com/s/{SHARE}?password=a1b2", "a1b2", ""),
        (f"https://115cdn.com/s/{SHARE}?password=a1b2", "a1b2", ""),
        (f"https://115cdn.com/s/{SHARE}?password=a1b2#", "a1b2", ""),
        (f"https://115cdn.com/s/{SHARE}?password=a1b2&#", "a1b2", ""),
        (f"https://115cdn.com/s/{SHARE}?password=a1b2&cid=77", "a1b2", "77"),
        (f"https://115cdn.com/s/{SHARE}?cid=0&password=a1b2", "a1b2", ""),
        (f"http://anxia.com/s/{SHARE}?password=a1b2", "a1b2", ""),
        (f"https://www.115.com/s/{SHARE}/?password=a1b2", "a1b2", ""),
        (f"https://share.115.com/{SHARE}?password=a1b2", "a1b2", ""),
        (f"https://115rc.com/s/{SHARE}?password=a1b2", "a1b2", ""),
        (f"HTTPS://115CDN.COM/s/{SHARE}?password=a1b2", "a1b2", ""),
        (f"115cdn.com/s/{SHARE}?password=a1b2", "a1b2", ""),
        (f"https://115.com/s/{SHARE}", "", ""),
        (f"https://115.com/s/{SHARE}#", "", ""),
        (f"{SHARE}-a1b2", "a1b2", ""),
        (f"https://115.com/s/{SHARE} 提取码: a1b2", "a1b2", ""),
        (f"https://115.com/s/{SHARE}，访问码：a1b2，复制这段内容", "a1b2", ""),
        (f"https://115.com/s/{SHARE} 提取码a1b2", "a1b2", ""),
        (
            f"https://115.com/s/{SHARE}\n访问码 : A1B2\n复制这段内容，可在115App中直接打开！",
            "A1B2",
            "",
        ),
        (f"片子 密码:a1b2 https://115.com/s/{SHARE}", "a1b2", ""),
        (f"films https://115.com/s/{SHARE} password: a1b2", "a1b2", ""),
        (
            f"https://115cdn.com/s/{SHARE}?password=a1b2#\n片名(2024) 提取码: zzzz\n访问码：a1b2",
            "a1b2",
            "",
        ),
        (f"https://115cdn.com/s/{SHARE}?password=a1b2）", "a1b2", ""),
    ],
)
def test_every_form_that_people_paste_is_understood(text, code, root):
    """With its code, wherever it stands, and a folder where there is one."""
    match = parse_link(text)
    assert match is not None
    assert match.certain
    assert match.options["share"].lower() == SHARE
    assert match.options.get("receive_code", "") == code
    assert match.options.get("root", "") == root
    if code:
        assert code not in match.shown
        assert "***" in match.shown
    assert SHARE in match.shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "films",
        "https://115.com/?cid=77&mode=wangpan",
        "https://cloud.example.com/s/AbC1",
        "https://evil115.com/s/sw1",
        "https://evil.example/115.com/s/sw1",
        "https://not-115.com/s/sw1",
        "ann@115.com/s/sw1",
        "sw-a1b2",
        "backup-2024",
        f"{SHARE}-toolong",
    ],
)
def test_what_is_none_is_not_taken_for_one(text):
    """Neither names of remotes nor look-alikes of hosts."""
    assert parse_link(text) is None


def test_a_link_of_115_is_nobody_elses():
    """A Cloudreve site looks the same; this one need not be asked who it is."""
    text = f"https://115cdn.com/s/{SHARE}?password=a1b2"
    certain = [
        name
        for name in drivers.REGISTRY
        if (match := drivers.load(name).parse_link(text)) is not None and match.certain
    ]
    assert certain == ["p115_share"]


@pytest.mark.parametrize("share", ["", "  ", "sw 1", "https://115.com/s/sw1", "sw1?password=a"])
def test_a_share_that_is_none_says_what_to_write(share):
    """The id alone."""
    with pytest.raises(UsageError, match="share"):
        share_of(ShareOptions(share=share))
