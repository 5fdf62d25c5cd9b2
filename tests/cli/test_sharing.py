"""share info, and every way in which a link can be wrong."""

from __future__ import annotations

import json

import pytest

from tests.emulators.doors import run_emulator


def told(result):
    """Return the fields that were printed."""
    assert result.code == 0, result.err
    return {
        label.strip(): value.strip()
        for label, _, value in (line.partition(":") for line in result.out.splitlines())
    }


def test_a_share_tells_about_itself(fsmount, site, tree):
    """Name, kind, state, owner."""
    facts = told(fsmount("share", "info", site.source))
    assert facts["name"] == tree.name
    assert (facts["kind"], facts["state"], facts["owner"]) == ("folder", "open", "publisher")
    assert told(fsmount("share", "info", site.line["share_file"]))["kind"] == "file"


def test_it_is_told_as_json(fsmount, site, tree):
    """For scripts."""
    facts = json.loads(fsmount("share", "info", "--json", site.source).out)
    assert facts["name"] == tree.name
    assert facts["is_folder"] is True


def test_a_password_that_is_wrong_or_missing_is_said(fsmount, locked_site):
    """It is part of the link; it is never shown."""
    assert told(fsmount("share", "info", locked_site.source))["state"] == "open"
    link = locked_site.source.removesuffix("/pw12")
    for wrong in (link, link + "/hunter2"):
        result = fsmount("share", "info", wrong)
        assert "hunter2" not in result.out + result.err
        assert "password" in result.err or "locked" in result.out


def test_a_drive_is_no_share(fsmount, site):
    """One line."""
    result = fsmount("--config", site.config, "share", "info", "demo")
    assert (result.code, result.line) == (1, 'fsmount: "demo" is not a share')


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("expired", "has expired, or its downloads are used up; ask whoever shared it"),
        ("cancelled", "it was cancelled or deleted, or its id is wrong; check the link"),
    ],
)
def test_a_share_that_is_over_is_said(fsmount, site, which, words):
    """Why, and what to do; exit code 1."""
    result = fsmount("share", "info", site.line[which])
    assert words in result.line
    assert result.code == 1


def test_an_id_that_is_none_is_said(fsmount, site):
    """Half a link was pasted: no server gives ids as short as what is left of it."""
    result = fsmount("share", "info", f"{site.address}/s/no")
    assert result.line == "fsmount: no is not the id of a share; copy the whole link again"
    assert result.code == 1


def test_an_address_where_nobody_listens_is_said(fsmount):
    """With the host, and without a traceback."""
    result = fsmount("share", "info", "http://127.0.0.1:9/s/AbC1")
    assert result.line == (
        "fsmount: cannot reach 127.0.0.1:9: connection refused; "
        "check the address, or the site is down"
    )
    assert result.code == 1


def test_a_site_of_another_kind_is_said(fsmount, site):
    """The control door speaks HTTP, but not Cloudreve."""
    link = f"{site.line['control']}/s/AbC1"
    result = fsmount("share", "info", link)
    assert result.line == (
        f'fsmount: "{link}" looks like a link of Cloudreve V4, but the site says it is something '
        "else; check the address, or say -o driver=NAME if you are sure"
    )
    assert result.code == 2


def test_an_unknown_option_is_said(fsmount, site):
    """With the nearest known one."""
    result = fsmount("share", "info", site.source, "-o", "insecuer")
    assert result.line == 'fsmount: unknown option "insecuer"; did you mean "insecure"?'
    assert result.code == 2


def test_a_secret_on_the_command_line_is_refused(fsmount, site):
    """And not repeated."""
    result = fsmount("share", "info", site.source, "-o", "password=hunter2")
    assert "-o password=… is refused" in result.line
    assert "hunter2" not in result.err
    assert result.code == 2


def test_a_certificate_of_nobody_is_said_and_can_be_trusted(fsmount, tree):
    """One line with both ways out; ca_file= and insecure make it work."""
    with run_emulator(tree, "--tls", "--address-host", "localhost") as secure:
        result = fsmount("share", "info", secure.source)
        assert "certificate" in result.line
        assert "ca_file" in result.line
        assert result.code == 1
        assert fsmount("share", "info", secure.source, "-o", secure.options).code == 0
        assert fsmount("share", "info", secure.source, "-o", "insecure").code == 0


def test_state_that_is_not_ours_is_refused(fsmount, site, tmp_path):
    """Others could have put a token there."""
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o777)
    result = fsmount("share", "info", site.source)
    assert result.line == (
        f"fsmount: the directory {state} is writable by others; "
        f'look whether its content is yours, then run "chmod 700 {state}"'
    )
    assert result.code == 2
