"""A place on a site is read however people write it and written as servers take it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsmount.drivers.cloudreve.uri import FileUri, blanked, split_path
from fsmount.errors import UsageError


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("cloudreve://my", FileUri(fs="my")),
        ("cloudreve://my/", FileUri(fs="my")),
        ("CloudReve://My/a", FileUri(fs="my", path=("a",))),
        ("cloudreve://9LTb@my/a", FileUri(fs="my", id="9LTb", path=("a",))),
        ("cloudreve://abTz@share", FileUri(fs="share", id="abTz")),
        ("cloudreve://abTz:s3@share/a", FileUri(fs="share", id="abTz", password="s3", path=("a",))),
        ("cloudreve://ab:p%40%3A%2F@share", FileUri(fs="share", id="ab", password="p@:/")),
        ("cloudreve://ab:p@:@share", FileUri(fs="share", id="ab", password="p@:")),
        ("cloudreve://my/a%20b/%E7%9B%AE", FileUri(fs="my", path=("a b", "目"))),
        ("cloudreve://my/a b/目", FileUri(fs="my", path=("a b", "目"))),
        ("cloudreve://my/目/a%20b", FileUri(fs="my", path=("目", "a b"))),
        ("cloudreve://my/100%25", FileUri(fs="my", path=("100%",))),
        ("cloudreve://my/100%", FileUri(fs="my", path=("100%",))),
        ("cloudreve://my/100% real/a%20b", FileUri(fs="my", path=("100% real", "a%20b"))),
        ("cloudreve://my/%C4%E3", FileUri(fs="my", path=("%C4%E3",))),
        ("cloudreve://my/a#b?c", FileUri(fs="my", path=("a#b?c",))),
        ("cloudreve://my//a/./b/", FileUri(fs="my", path=("a", "b"))),
    ],
)
def test_a_uri_is_read_encoded_or_not(text, uri):
    """One stray % proves that nobody encoded the path; then all of it is literal."""
    assert FileUri.parse(text) == uri


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://cloud.example.com", "does not begin"),
        ("cloudreve://share/a", "names no share"),
        ("cloudreve://@share/a", "names no share"),
        ("cloudreve://nofs/a", "neither"),
        ("cloudreve://my/a/../../b", "climbs"),
        ("cloudreve://my/%2E%2E/b", "climbs"),
    ],
)
def test_what_is_no_place_is_refused_in_words(text, says):
    """Wrong schemes, unknown file systems and paths that climb."""
    with pytest.raises(UsageError, match=says):
        FileUri.parse(text)


def test_a_refusal_does_not_show_the_password():
    """The text that is quoted back has its password blanked."""
    with pytest.raises(UsageError) as info:
        FileUri.parse("cloudreve://abTz:s3cret@nofs/a")
    assert "s3cret" not in str(info.value)


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("100% real.txt", "100%25%20real.txt"),
        ("hash#tag.txt", "hash%23tag.txt"),
        ("what?.txt", "what%3F.txt"),
        ("amp&eq=.txt", "amp%26eq%3D.txt"),
        ("目录 😀", "%E7%9B%AE%E5%BD%95%20%F0%9F%98%80"),
        ("a+b;c", "a%2Bb%3Bc"),
        ("back\\slash", "back%5Cslash"),
    ],
)
def test_names_are_sent_percent_encoded(name, encoded):
    """A raw % is refused, # cuts the rest off and ? turns a listing into a search (wire §5)."""
    assert str(FileUri(fs="my", path=(name,))) == f"cloudreve://my/{encoded}"


def test_the_shown_form_blanks_the_password():
    """``str`` is for servers, ``shown`` for people."""
    uri = FileUri(fs="share", id="abTz", password="s3/cret", path=("a b",))
    assert str(uri) == "cloudreve://abTz:s3%2Fcret@share/a%20b"
    assert uri.shown == "cloudreve://abTz:***@share/a%20b"
    assert str(uri.without_password()) == "cloudreve://abTz@share/a%20b"


def test_passwords_are_blanked_inside_any_text():
    """Messages of the server may quote a URI."""
    words = 'unknown uri "cloudreve://abTz:s3cret@share/a" and cloudreve://my/a'
    assert blanked(words) == 'unknown uri "cloudreve://abTz:***@share/a" and cloudreve://my/a'


@given(
    st.lists(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
            lambda name: name not in (".", "..")
        ),
        max_size=4,
    ),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
def test_what_is_written_is_read_back(path, password):
    """Any names and any password survive the round trip."""
    uri = FileUri(fs="share", id="abTz", password=password, path=tuple(path))
    assert FileUri.parse(str(uri)) == uri
    assert split_path(uri.encoded_path) == tuple(path)
