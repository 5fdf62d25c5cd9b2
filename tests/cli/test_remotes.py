"""remotes: what is configured."""

from __future__ import annotations

import tomllib

from fsmount import drivers
from fsmount.drivers.declared import declared


def test_remotes_are_listed_without_secrets(fsmount, site):
    """Name, driver, site, place, login."""
    result = fsmount("--config", site.config, "remotes")
    assert result.code == 0
    assert [line.split() for line in result.out.splitlines()] == [
        ["demo", "cloudreve", site.address, "cloudreve://my", site.line["email"]],
        ["demo-refresh", "cloudreve", site.address, "cloudreve://my"],
    ]
    assert site.line["password"] not in result.out


def test_without_remotes_it_says_how_to_begin(fsmount, tmp_path):
    """Without a file, and with an empty one."""
    assert fsmount("remotes").line == (
        'no remotes are configured anywhere; "fsmount remotes example cloudreve" prints one'
    )
    path = tmp_path / "empty.toml"
    path.touch()
    assert fsmount("--config", path, "remotes").line == (
        f'no remotes are configured in {path}; "fsmount remotes example cloudreve" prints one'
    )


def test_an_example_is_a_stanza_that_can_be_used(fsmount, tmp_path):
    """It is TOML, it configures a remote, and every option is explained below it."""
    for name in drivers.REGISTRY:
        result = fsmount("remotes", "example", name)
        assert result.code == 0
        assert tomllib.loads(result.out)["remotes"]
        path = tmp_path / "example.toml"
        path.write_text(result.out)
        assert fsmount("--config", path, "remotes").out.split()[1] == name
        for option in declared(drivers.load(name).options):
            assert option.help
            assert f"#   {option.name}: {option.help}" in result.out


def test_a_remote_that_is_signed_in_says_so(program, site, tmp_path):
    """Its token is kept."""
    path = tmp_path / "c.toml"
    path.write_text(
        f"[remotes.'网盘']\ndriver = 'cloudreve'\naddress = '{site.address}'\n"
        f"email = '{site.line['email']}'\n"
    )
    assert "(signed in)" not in program("--config", path, "remotes").out
    program("--config", path, "login", "网盘", stdin=site.line["password"] + "\n")
    line = program("--config", path, "remotes").out.splitlines()[0]
    assert line.startswith("网盘  cloudreve")
    assert line.endswith(f"{site.line['email']} (signed in)")


def test_a_share_that_borrows_the_login_of_another_driver_is_listed(fsmount, tmp_path):
    """Its site is its own, and nothing asks its driver for the options of the lender."""
    path = tmp_path / "c.toml"
    path.write_text(
        "[remotes.films]\ndriver = 'p115'\n"
        "[remotes.shared]\ndriver = 'p115_share'\nshare = 'sw0abcd3fgh'\nauth = 'ref:films'\n"
    )
    result = fsmount("--config", path, "remotes")
    assert (result.code, result.err) == (0, "")
    assert [line.split()[:2] for line in result.out.splitlines()] == [
        ["films", "p115"],
        ["shared", "p115_share"],
    ]
