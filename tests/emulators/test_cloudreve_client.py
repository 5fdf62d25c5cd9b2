"""A client that we did not write, PyPI's `cloudreve` 2.0.2, works with the emulator unmodified.

The calls are those of wire Cloudreve V4 §16. Its second client, `inocloudreve` 0.2.6, needs Python
3.12 and is not run here; what it sends beyond the first (`order_direction`, `skip_soft_delete`,
`/session/token/refresh`, unlocking) is replayed from recordings instead.
"""

from __future__ import annotations

import warnings

import pytest

from tests.emulators import run_emulator

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # requests warns of the versions of what it depends on
    from cloudreve import CloudreveV4


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    """A site over 25 files."""
    root = tmp_path_factory.mktemp("served")
    (root / "docs").mkdir()
    for number in range(25):
        (root / f"docs/文件 {number:02}.txt").write_text(f"content {number}\n")
    with run_emulator(root) as running:
        yield running


@pytest.fixture
def client(emulator, monkeypatch):
    """The client, signed in."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = CloudreveV4(emulator.address)
    client.login(emulator.line["email"], emulator.line["password"])
    yield client
    client.session.close()


def test_wrong_password_is_an_exception(emulator, monkeypatch):
    """The client shows the envelope's code."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = CloudreveV4(emulator.address)
    with pytest.raises(Exception, match="40080"):
        client.login(emulator.line["email"], "wrong-pass")
    client.session.close()


def test_lists_three_pages_by_token(client):
    """Every file comes once."""
    names, token, pages = [], None, 0
    while True:
        page = client.list("/docs", page_size=10, order_by="name", next_page_token=token)
        names += [file["name"] for file in page["files"]]
        pages += 1
        token = page["pagination"].get("next_token")
        if token is None:
            break
    assert pages == 3
    assert names == [f"文件 {number:02}.txt" for number in range(25)]


def test_tells_and_downloads(client, tmp_path):
    """Info by path with raw Unicode, a link by URI, and the bytes behind it."""
    uri = "cloudreve://my/docs/文件 07.txt"
    assert client.get_info("/docs/文件 07.txt")["size"] == len("content 7\n")
    assert client.get_download_url(uri).startswith("http://127.0.0.1")
    client.download(uri, tmp_path / "seven.txt")
    assert (tmp_path / "seven.txt").read_text() == "content 7\n"


def test_permanent_links(client):
    """One link, and a list of them."""
    one = client.get_source_url("/docs/文件 01.txt")
    assert "/f/" in one
    two = client.get_source_url(["/docs/文件 01.txt", "/docs/文件 02.txt"])
    assert {item["file_url"].rpartition("/")[0] for item in two} == {"cloudreve://my/docs"}


def test_makes_and_changes(client):
    """Folders, files, content, renaming, copying, moving, deleting."""
    first = client.create_folder("/work")
    assert client.create_folder("/work")["id"] == first["id"]
    with pytest.raises(Exception, match="40004"):
        client.create_folder("/work", err_on_conflict=True)
    client.create_file("/work/note.txt")
    assert client.update_file_content("/work/note.txt", b"some text")["size"] == 9
    assert client.rename("/work/note.txt", "renamed.txt")["name"] == "renamed.txt"
    client.create_folder("/work/inner")
    client.copy("/work/renamed.txt", "/work/inner")
    assert client.get_info("/work/inner/renamed.txt")["size"] == 9
    client.create_folder("/work/other")
    client.move("/work/renamed.txt", "/work/other")
    names = [file["name"] for file in client.list("/work", order_by="name")["files"]]
    assert names == ["inner", "other"]
    client.delete(["/work/inner", "/work/other"])
    assert client.list("/work")["files"] == []


def test_uploads_in_two_chunks(client, tmp_path):
    """30 MB go up and come down the same; a second upload of the name is refused."""
    content = bytes(range(256)) * (30_000_000 // 256)
    local = tmp_path / "big.bin"
    local.write_bytes(content)
    client.upload(local, "/big.bin")
    client.download("cloudreve://my/big.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == content
    with pytest.raises(Exception, match="40004"):
        client.upload(local, "/big.bin")


def test_makes_share_links(emulator, client):
    """Plain and private ones."""
    assert client.get_share_url("/docs").startswith(f"{emulator.address}/s/")
    assert client.get_share_url("/docs", password="s3cret").endswith("/s3cret")


def test_fails_where_it_fails_with_the_real_server(client, tmp_path):
    """A raw `%`, a path without scheme for a link, and an empty upload left behind (§16)."""
    with pytest.raises(Exception, match="40001"):
        client.get_info("/docs/100% real.txt")
    with pytest.raises(Exception, match="40001"):
        client.get_download_url("/docs/文件 01.txt")
    (tmp_path / "empty").touch()
    client.upload(tmp_path / "empty", "/left-behind")
    with pytest.raises(Exception, match="40073"):
        client.delete("/left-behind")
