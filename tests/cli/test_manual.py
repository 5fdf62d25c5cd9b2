"""The manual says everything that there is, and man(1) can read it; Tab completes it."""

from __future__ import annotations

import re
import shutil
import subprocess

import click
import pytest

from fsmount import drivers
from fsmount.cli.command import COMMANDS, program
from fsmount.cli.manual import pages
from fsmount.cli.roff import Page, escaped
from fsmount.drivers.declared import declared
from fsmount.options import DECLARED

PAGES = {page.name: page for page in pages()}


def entries(name):
    """Return the terms of a page, as one types them."""
    found = re.findall(r"^\.TP\n\\fB(.*)\\fR$", PAGES[name].text(), re.MULTILINE)
    return {term.replace("\\-", "-") for term in found}


def commands(group, words="fsmount"):
    """Yield every command with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield f"{words} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")


def test_each_command_and_its_options_are_in_the_manual():
    """What is hidden from --help alone is left out."""
    text = PAGES["fsmount"].text().replace("\\-", "-")
    found = list(commands(program))
    assert len(found) > len(COMMANDS)
    for words, command in found:
        assert f'.SS "{words}' in text
        for option in command.params:
            if isinstance(option, click.Option) and option.help and option.expose_value:
                assert any(max(option.opts, key=len) in term for term in entries("fsmount"))


def test_each_mount_option_is_in_the_manual():
    """With its value."""
    wanted = {f"{one.name}={one.value}" if one.value else one.name for one in DECLARED}
    assert wanted <= entries("mount.fsmount")


@pytest.mark.parametrize("driver", drivers.REGISTRY)
def test_each_option_of_a_driver_is_in_the_manual(driver):
    """Those of every remote once, the driver's own below its name."""
    options = {option.name for option in declared(drivers.load(driver).options)}
    assert options <= entries("fsmount.toml")
    assert f"driver = \\(dq{driver}\\(dq" in PAGES["fsmount.toml"].text()


@pytest.mark.skipif(not shutil.which("groff"), reason="there is no groff")
@pytest.mark.parametrize("name", PAGES)
def test_man_can_read_it(name):
    """Without a warning, and nothing is taken for a macro that is none."""
    done = subprocess.run(
        ["groff", "-K", "utf8", "-man", "-Tutf8", "-ww"],
        input=PAGES[name].text(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    assert "SEE ALSO" in re.sub(r".\x08|\x1b\[\d*m", "", done.stdout)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("-o a", r"\-o a"),
        (".profile", r"\&.profile"),
        ("'quoted'", r"\&'quoted'"),
        ('say "a\\b"', r"say \(dqa\eb\(dq"),
    ],
)
def test_text_is_shown_as_it_is(text, written):
    """Whatever roff would make of it."""
    assert escaped(text) == written


def test_words_in_backquotes_are_bold():
    """As in the docstrings they come from."""
    page = Page("x", 1, "a page", "1")
    page.paragraph("run ``fsmount -h``\nnow")
    assert page.text().endswith(".PP\nrun \\fBfsmount \\-h\\fR now\n")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("fsmount sys", {"systemd"}),
        ("fsmount mount ph", {"photos"}),
        ("fsmount login f", {"films"}),
        ("fsmount mount photos /mnt -o ro,allow_o", {"ro,allow_other"}),
        ("fsmount mount photos /mnt -o memo", {"memory="}),
        ("fsmount mount photos /mnt -o zzz", set()),
    ],
)
def test_tab_completes_commands_remotes_and_options(program, tmp_path, words, found):
    """As bash asks; names come from the configuration."""
    config = tmp_path / "config" / "fsmount" / "config.toml"
    config.parent.mkdir(parents=True)
    remote = 'driver = "cloudreve"\naddress = "https://cloud.example.com"\n'
    config.write_text(f"[remotes.photos]\n{remote}[remotes.films]\n{remote}")
    asked = {
        "_FSMOUNT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    out = program(**asked).out
    assert {line.partition(",")[2] for line in out.splitlines() if line} == found
