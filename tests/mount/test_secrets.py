"""What anybody on the machine can see of a mount tells no secret of its account."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests import sweep
from tests.emulators import run_emulator, secrets
from tests.mount.standing import run

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(240)]


LISTING = """
import os, sys
for name in os.listxattr(sys.argv[1]):
    print(name, os.getxattr(sys.argv[1], name))
"""
SHARED = """
[remotes.shared]
driver = "cloudreve"
address = "{address}"
share = "{id}"
share_password = "pw12"
"""


def seen(places, standing):
    """Yield where one may look and what is there."""
    for name, pid in (("supervisor", standing.process.pid), ("daemon", standing.daemon)):
        for file in ("cmdline", "environ", "comm", "mountinfo"):
            content = Path(f"/proc/{pid}/{file}").read_bytes()
            yield f"{file} of the {name}", content.decode(errors="replace")
    programs = {
        "ps": ("ps", "-ww", "-o", "args", "-p", f"{standing.process.pid},{standing.daemon}"),
        "findmnt": ("findmnt", "--output-all", "--pairs", standing.path),
        "the attributes": (
            sys.executable,
            "-c",
            LISTING,
            standing.path / "hello.txt",
        ),
    }
    fsmount = (sys.executable, "-m", "fsmount")
    for words in (("status",), ("status", "--json"), ("cache", "ls")):
        programs[" ".join(words)] = (*fsmount, *words)
    programs["status --metrics"] = (*fsmount, "status", "--metrics", standing.path)
    for name, argv in programs.items():
        done = run(*argv, env=places.environ)
        assert done.stdout, f"{name} says nothing"
        yield name, done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")


@pytest.mark.parametrize("remote", ["demo", "demo-refresh", "shared"])
def test_nothing_that_can_be_seen_of_a_mount_holds_a_secret(places, tree, mount, remote):
    """Processes, mount table, attributes, status, metrics; with a password, a token, a code."""
    with run_emulator(tree, "--share-password", "pw12") as cloud:
        config = Path(cloud.config)
        if remote == "shared":
            config = places.top / "config.toml"
            config.write_text(SHARED.format(address=cloud.address, id=cloud.source.split("/")[-2]))
        with mount(remote, "xattr", f"config={config}") as standing:
            assert (standing.path / "hello.txt").read_bytes() == b"hello\n"
            file = Path(os.environ[secrets.FILE])
            search = sweep.Sweep(file)
            for where, text in seen(places, standing):
                search.hear(where, text)
            assert search.complaints() == []
            noted = [json.loads(line) for line in file.read_text().splitlines()]
    assert any(
        secret in noted for secret in (["pw12"] if remote == "shared" else [cloud.line["password"]])
    )
    search.hear("a check that can fail", f"{noted[0]} {noted[-1]}")
    assert search.complaints()
