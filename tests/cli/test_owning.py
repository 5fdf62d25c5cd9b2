"""share create, list, update, cancel: what is made, and what is said when it is not."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.emulators.doors import run_emulator

NO_SHARE = 'there is no share {} of yours, or it is over; see "fsmount share list"'


@pytest.fixture
def share(fsmount, site):
    """Run a share command with the site's configuration."""

    def share(*words):
        return fsmount("--config", site.config, "share", *words)

    return share


def made(result):
    """Return the lines that were printed about a share that was made or changed."""
    assert result.code == 0, result.err
    return result.out.splitlines()


def ident(line):
    """Return the id in a link."""
    return line.rpartition("/")[2]


def test_a_folder_is_shared_and_its_link_is_printed(share, fsmount, site):
    """The first line is the link and nothing else; pasted back, it opens what was shared."""
    (link,) = made(share("create", "demo", "photos"))
    assert re.fullmatch(re.escape(site.address) + r"/s/\w+", link)
    assert set(fsmount("ls", link).out.splitlines()) == {"empty.txt", "summer/"}


def test_a_code_is_made_up_where_none_is_given(share, fsmount):
    """Four letters and digits; both lines together are understood as a SOURCE."""
    link, code = made(share("create", "demo", "photos", "--password"))
    assert re.fullmatch("code: [a-z0-9]{4}", code)
    assert "empty.txt" in fsmount("ls", f"{link} {code}").out
    assert "password" in fsmount("ls", link).line


def test_a_code_of_ones_own_and_an_end(share):
    """The end is said on standard error: scripts read the link from standard output."""
    result = share("create", "demo", "hello.txt", "--password=k9f2", "--expires", "7d")
    assert made(result)[1:] == ["code: k9f2"]
    assert re.fullmatch(r"expires: \d{4}-\d\d-\d\d \d\d:\d\d", result.line)


def test_a_share_is_told_as_json(share):
    """With its end as Unix nanoseconds."""
    result = share("create", "demo", "hello.txt", "--expires", "12h", "--json")
    told = json.loads(result.out)
    assert (told["name"], told["code"], told["state"]) == ("hello.txt", "", "open")
    assert told["expires_ns"] / 1e9 - time.time() == pytest.approx(12 * 3600, abs=60)


@pytest.mark.parametrize(
    ("words", "line", "code"),
    [
        (
            ("hello.txt", "photos"),
            "a share of Cloudreve holds one file or folder; "
            "share the folder that holds them, or each by itself",
            1,
        ),
        (
            ("photos", "--name", "pictures"),
            "a share of Cloudreve is called like what it shares; leave out name",
            1,
        ),
        (("/",), "Cloudreve shares a file or a folder, not a whole drive", 1),
        (("nothing.txt",), 'there is no "nothing.txt" in "/"', 1),
        (
            ("photos", "--password=ä"),
            "Cloudreve takes passwords of up to 32 letters and digits (a to z, 0 to 9)",
            1,
        ),
        (
            ("photos", "--expires", "soon"),
            "invalid value for '--expires': \"soon\" is not a time; write 30m, 12h, 7d, 2w or "
            'never; see "fsmount share create --help"',
            2,
        ),
        (
            ("photos", "--password=k9f2", "--no-password"),
            '--password and --no-password contradict each other; see "fsmount share create --help"',
            2,
        ),
        (
            ("photos", "--password="),
            "--password is empty; --no-password takes a code away; "
            'see "fsmount share create --help"',
            2,
        ),
    ],
)
def test_what_cannot_be_shared_is_said(share, words, line, code):
    """One line, why and what to do."""
    result = share("create", "demo", *words)
    assert (result.line, result.code) == (f"fsmount: {line}", code)


def test_shares_are_listed_newest_first(share):
    """One line each, under a line of heads."""
    (older,) = made(share("create", "demo", "hello.txt"))
    newer, _ = made(share("create", "demo", "photos", "--password=k9f2", "--expires=2w"))
    head, first, second, *_ = share("list", "demo").out.splitlines()
    assert head.split() == ["ID", "STATE", "EXPIRES", "VIEWS", "CODE", "LINK", "NAME"]
    assert re.fullmatch(
        rf"{ident(newer)} +open +\d{{4}}-\d\d-\d\d \d\d:\d\d +0 +k9f2 +{newer} +photos", first
    )
    assert second.split() == [ident(older), "open", "never", "0", "-", older, "hello.txt"]
    told = json.loads(share("list", "demo", "--json").out)
    assert [each["id"] for each in told[:2]] == [ident(newer), ident(older)]


def test_a_share_is_changed(share, fsmount):
    """What is not named stays; a link is as good as an id."""
    link, code = made(share("create", "demo", "photos", "--password=k9f2", "--expires=7d"))
    result = share("update", "demo", ident(link), "--expires", "never")
    assert made(result) == [link, code]
    assert result.err == ""
    assert made(share("update", "demo", link, "--no-password")) == [link]
    assert "empty.txt" in fsmount("ls", link).out


@pytest.mark.parametrize(
    ("words", "line", "code"),
    [
        (
            ("AbC1",),
            "say what to change: --password, --no-password, --expires, --name; "
            'see "fsmount share update --help"',
            2,
        ),
        (("zzzz", "--expires=1d"), NO_SHARE.format("zzzz"), 1),
        (
            ("AbC1", "--name=n"),
            "a share of Cloudreve is called like what it shares; leave out name",
            1,
        ),
    ],
)
def test_what_cannot_be_changed_is_said(share, words, line, code):
    """One line, why and what to do."""
    result = share("update", "demo", *words)
    assert (result.line, result.code) == (f"fsmount: {line}", code)


def test_a_share_is_ended(share, fsmount):
    """Its link is dead then, and it cannot be ended twice."""
    (link,) = made(share("create", "demo", "photos"))
    result = share("cancel", "demo", ident(link))
    assert (result.line, result.code) == (f"{ident(link)}: cancelled", 0)
    assert "it was cancelled or deleted" in fsmount("share", "info", link).line
    again = share("cancel", "demo", ident(link))
    assert (again.line, again.code) == (f"fsmount: {NO_SHARE.format(ident(link))}", 1)


def test_one_that_is_not_there_does_not_keep_the_others(share):
    """Each is said by itself; the exit code tells that one was not ended."""
    (link,) = made(share("create", "demo", "photos"))
    result = share("cancel", "demo", "zzzz", link)
    assert result.err.splitlines() == [
        f"fsmount: zzzz: {NO_SHARE.format('zzzz')}",
        f"{ident(link)}: cancelled",
    ]
    assert result.code == 1


def test_a_share_is_no_drive(share, site):
    """Nothing of it is ours to share."""
    result = share("create", site.source, "photos")
    assert (result.line, result.code) == (
        f'fsmount: "{site.source}" is a share, not a drive of yours; '
        "name a remote of your configuration",
        1,
    )


def test_what_a_driver_cannot_do_is_said(share, site):
    """From what it declares."""
    result = share("save", site.source, "demo", "photos")
    assert (result.line, result.code) == (
        'fsmount: "share save" is not supported by Cloudreve V4',
        1,
    )


def test_nothing_shared_is_said(fsmount, tree):
    """On standard error: there is nothing to print."""
    with run_emulator(tree) as site:
        fresh = ("--config", site.config, "share")
        for each in json.loads(fsmount(*fresh, "list", "demo", "--json").out or "[]"):
            fsmount(*fresh, "cancel", "demo", each["id"])
        result = fsmount(*fresh, "list", "demo")
    assert (result.line, result.out, result.code) == ("demo: nothing is shared", "", 0)
