"""The template of ``download_proxy_url``."""

from __future__ import annotations

import pytest

from fsmount.errors import UsageError
from fsmount.transfer.rewrite import LinkRewrite

URL = "https://cdn.example:8443/f/%E6%96%87?sign=a:b&x={name}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{url}", URL),
        ("https://proxy/{url}", f"https://proxy/{URL}"),
        (
            "https://proxy/?u={url_quoted}&n={name}",
            "https://proxy/?u=https%3A%2F%2Fcdn.example%3A8443%2Ff%2F%25E6%2596%2587%3Fsign%3Da%3Ab"
            "%26x%3D%7Bname%7D&n=%E6%96%87%20%26%2F.bin",
        ),
        ("http://10.0.0.5:5212{path}", "http://10.0.0.5:5212/f/%E6%96%87?sign=a:b&x={name}"),
        ("https://fixed/", "https://fixed/"),
    ],
)
def test_each_field_is_filled_once(template, expected):
    """What a value contains is never taken for a field."""
    assert LinkRewrite(template)(URL, "文 &/.bin") == expected


def test_a_link_without_a_query_has_a_plain_path():
    """No question mark comes from nowhere."""
    assert LinkRewrite("http://h{path}")("https://cdn/a", "a") == "http://h/a"


@pytest.mark.parametrize("template", ["", "proxy/{url}", "ftp://h/{url}", "http://h/{pth}"])
def test_a_template_that_cannot_work_is_refused_at_once(template):
    """With what a right one looks like."""
    with pytest.raises(UsageError, match="download_proxy_url"):
        LinkRewrite(template)
