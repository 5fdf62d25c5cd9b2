"""What goes wrong at the provider while a program reads: right bytes or an error, nothing else."""

from __future__ import annotations

import os
import random

import pytest

from fsmount import control, errors
from tests.emulators import run_emulator
from tests.mount.standing import run, wait_for

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(240)]

MIB = 1024 * 1024
SIZE = 24 * MIB + 12_345

# One request goes wrong; asking again, or asking for a new link, brings the bytes.
PASSING = {
    "the connection is closed before the answer": {"action": "drop"},
    "the connection is reset before the answer": {"action": "reset"},
    "the connection is reset in the middle": {"action": "reset", "after_bytes": 700_001},
    "half a body, then the end": {"action": "half_body"},
    "half a body that calls itself whole": {"action": "short_body"},
    "another range than asked": {"action": "wrong_content_range"},
    "a web page with status 502": {"action": "status", "status": 502},
    "too many requests": {"action": "status", "status": 429, "retry_after": "1"},
    "200 and the whole file for a range": {"action": "full_200_for_range"},
    "a web page instead of bytes": {"action": "html"},
    "the link is over, as JSON with status 200": {"action": "json_instead_of_bytes", "code": 40005},
    "the signature is wrong, as JSON": {"action": "json_instead_of_bytes", "code": 40071},
}

# It goes wrong every time.
LASTING = {
    **PASSING,
    "the file was deleted, as JSON": {"action": "json_instead_of_bytes", "code": 40077},
}


@pytest.fixture
def film(tree):
    """A file that takes several GETs, of bytes that no other place of it has."""
    content = random.Random(5).randbytes(SIZE)
    (tree / "long film.mkv").write_bytes(content)
    return content


@pytest.mark.parametrize("words", PASSING)
def test_a_request_that_fails_once_is_made_good(cloud, mount, film, words):
    """The second GET goes wrong: the reader gets every byte, or an error and then every byte."""
    with mount(cloud.source, "cache=0") as standing:
        path = standing.path / "long film.mkv"
        os.stat(path)
        cloud.fault(**PASSING[words], kind="content", nth=2, count=1)
        first = run("cat", path, check=False)
        assert first.stdout == film[: len(first.stdout)]
        if first.returncode == 0:
            assert len(first.stdout) == SIZE
        assert run("cat", path).stdout == film


@pytest.mark.parametrize("words", LASTING)
def test_a_file_that_always_fails_is_an_error_and_stays_listed(cloud, mount, film, words):
    """Every GET after the first goes wrong: never a wrong byte, never a short file called whole."""
    with mount(cloud.source, "cache=0") as standing:
        path = standing.path / "long film.mkv"
        os.stat(path)
        cloud.fault(**LASTING[words], kind="content", nth=2)
        done = run("cat", path, check=False)
        assert done.stdout == film[: len(done.stdout)]
        assert (done.returncode == 0) == (len(done.stdout) == SIZE)
        assert "long film.mkv" in os.listdir(standing.path)
        cloud.heal()
        wait_for(lambda: run("cat", path, check=False).stdout == film)


def test_links_that_end_while_a_file_is_read_do_not_show(cloud, mount, film):
    """Every link is ended between two reads of one open file."""
    with mount(cloud.source, "cache=0") as standing:
        descriptor = os.open(standing.path / "long film.mkv", os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
            for offset in (0, SIZE - 5000, 9 * MIB + 7, 17 * MIB):
                assert os.pread(descriptor, 5000, offset) == film[offset : offset + 5000]
                cloud.ask("POST", "/expire", {"what": "links"})
        finally:
            os.close(descriptor)
        assert cloud.requests()["url"] >= 3


def test_tokens_that_end_while_a_file_is_read_do_not_show(cloud, mount, film):
    """Own drive: the server takes an ended token for a guest; reading and listing go on."""
    with mount("demo", f"config={cloud.config}", "cache=0") as standing:
        top = standing.path
        descriptor = os.open(top / "long film.mkv", os.O_RDONLY)
        try:
            assert os.pread(descriptor, 5000, 0) == film[:5000]
            cloud.ask("POST", "/expire", {"what": "access"})
            cloud.ask("POST", "/expire", {"what": "links"})
            assert os.pread(descriptor, 5000, 20 * MIB) == film[20 * MIB : 20 * MIB + 5000]
        finally:
            os.close(descriptor)
        cloud.ask("POST", "/expire", {"what": "access"})
        assert os.listdir(top / "sub") == ["inner.txt"]
        assert cloud.requests()["refresh"] >= 1
        assert standing.status()["state"] == "online"


def test_a_page_that_fails_in_the_middle_is_an_error_and_takes_nothing_away(places, mount):
    """The third of five pages fails: never a folder that is short without saying so."""
    tree = places.top / "many"
    tree.mkdir()
    names = {f"{number:03}.txt" for number in range(250)}
    for name in names:
        (tree / name).touch()
    with run_emulator(tree) as cloud:
        cloud.fault("status", kind="list", nth=3, status=502)
        with mount(cloud.source, "page_size=50") as standing:
            done = run("ls", standing.path, check=False)
            assert done.returncode != 0
            assert set(done.stdout.decode().split()) <= names
            cloud.heal()
            listed = wait_for(lambda: _whole(standing.path))
            assert listed == names
            cloud.fault("status", kind="list", nth=3, status=502)
            with pytest.raises(errors.FsmountError):
                control.ask(standing.socket, "refresh", path="")
            assert _whole(standing.path) == names


def _whole(folder):
    """Return the names in ``folder``; None when they cannot be had."""
    try:
        return set(os.listdir(folder))
    except OSError:
        return None


def test_a_share_whose_root_fits_one_page_takes_two_calls(cloud, mount):
    """Finding out what the link is, and the page: nothing else before ``ls`` is answered."""
    cloud.reset()
    with mount(cloud.source) as standing:
        assert "hello.txt" in os.listdir(standing.path)
        assert sum(cloud.requests().values()) == 2, cloud.requests()
