"""Extended attributes and what ``stat`` and ``verify`` tell of a mounted path, in the kernel."""

from __future__ import annotations

import errno
import json
import os
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.mount.standing import run, wait_for

PYTHON = Path("/usr/bin/python3")

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(240)]


def program(places, *words, check=True):
    """Run one command of fsmount."""
    return run(sys.executable, "-m", "fsmount", *words, env=places.environ, check=check)


def refused(number):
    return pytest.raises(OSError, check=lambda exc: exc.errno == number)


def test_attributes_are_answered_when_asked_for(places, cloud, mount):
    """The free ones are listed; a link is told to the owner who asks for it by name."""
    with mount(cloud.source, "xattr") as standing:
        path = standing.path / "hello.txt"
        assert sorted(os.listxattr(path)) == [
            "user.fsmount.cached",
            "user.fsmount.id",
            "user.fsmount.name",
        ]
        assert os.getxattr(path, "user.fsmount.name") == b"hello.txt"
        assert os.getxattr(path, "user.fsmount.cached") == b"0"
        path.read_bytes()
        assert os.getxattr(path, "user.fsmount.cached") == b"6"
        cloud.reset()
        run("ls", "-l", standing.path)
        assert cloud.requests() == {}, "listing attributes asked the site"
        with refused(errno.ENODATA):
            os.getxattr(path, "user.fsmount.sha1")
        with refused(errno.ENODATA):
            os.getxattr(path, "security.selinux")
        with refused(errno.ENODATA):
            os.getxattr(standing.path / "sub", "user.fsmount.url")
        assert cloud.requests() == {}
        url = os.getxattr(path, "user.fsmount.url").decode()
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.read() == b"hello\n"
        assert json.loads(os.getxattr(path, "user.fsmount.url_headers")) == {}
        assert url.partition("?")[0] not in standing.written()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
@pytest.mark.skipif(not PYTHON.exists(), reason="needs a Python that other users can run")
def test_another_user_gets_no_link(places, cloud, mount):
    """Whoever may enter the mount may read the files, not the account's links."""
    asks = "import os, sys; print(os.getxattr(sys.argv[1], sys.argv[2]))"
    with mount(cloud.source, "xattr", "allow_other", "uid=65534") as standing:
        path = standing.path / "hello.txt"
        for folder in (places.top, *places.top.parents):
            if folder.stat().st_mode & 0o777 == 0o700:  # what pytest makes is for us alone
                folder.chmod(0o755)

        def ask(name):
            argv = (PYTHON, "-c", asks, path, name)
            return run(*argv, user=65534, group=65534, extra_groups=[], check=False)

        assert ask("user.fsmount.name").stdout == b"b'hello.txt'\n"
        refusal = ask("user.fsmount.url")
        assert b"Permission denied" in refusal.stderr


def test_without_the_option_there_are_none(cloud, mount):
    """ENOSYS once: the kernel does not ask again."""
    with mount(cloud.source) as standing:
        for _ in range(3):
            with refused(errno.EOPNOTSUPP):  # what the kernel makes of ENOSYS
                os.getxattr(standing.path / "hello.txt", "user.fsmount.id")
            with refused(errno.EOPNOTSUPP):
                os.listxattr(standing.path / "hello.txt")
        assert "getxattr" not in standing.requests()


def test_stat_and_link_of_a_mounted_path_tell_the_same(places, cloud, mount):
    """Id, name, hash and cached bytes; URL and headers."""
    with mount(cloud.source) as standing:
        path = standing.path / "film.mkv"
        facts = json.loads(program(places, "stat", "--json", path).stdout)
        assert (facts["name"], facts["cached"], facts["digest"]) == ("film.mkv", 0, "")
        size = path.stat().st_size
        path.read_bytes()

        def cached():
            return json.loads(program(places, "stat", "--json", path).stdout)["cached"]

        wait_for(lambda: cached() == size)
        assert f"cached: {size} (100 %)" in program(places, "stat", path).stdout.decode()
        folder = json.loads(program(places, "stat", "--json", standing.path / "sub").stdout)
        assert (folder["name"], folder["cached"]) == ("sub", None)
        link = json.loads(program(places, "link", "--json", path).stdout)
        assert set(link) == {"url", "headers", "lifetime_s"}


def test_verify_of_a_mounted_folder_says_what_it_could_not_check(places, cloud, mount):
    """This provider tells no hashes: each file is named, and nothing failed."""
    with mount(cloud.source) as standing:
        done = program(places, "verify", standing.path)
        assert done.stdout.decode().splitlines() == [
            "no hash  film.mkv",
            "no hash  hello.txt",
            "no hash  sub/inner.txt",
        ]
        assert done.stderr == b"3 without a hash\n"
