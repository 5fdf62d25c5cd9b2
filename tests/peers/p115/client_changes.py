"""p115client with cookies: changes, uploads, downloads into the drive (wire 115 §14.3)."""

from __future__ import annotations

import hashlib
import urllib.request

from p115client import P115Client, check_response
from p115client.exception import P115FileExistsError, P115OSError

from tests.peers.checks import Checks, Peer, refused
from tests.peers.p115.pointing import point_p115client

PLAIN = b"plain\n"
LARGE = b"x" * 1_500_000
MAGNET = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=film"
peer = Peer()
point_p115client(peer)
client = P115Client(peer.line["cookie"])
client.pickcode_stable_point = "0b1c"
check = Checks()


def found(path: str) -> dict[str, str]:
    """Id, pickcode and SHA-1 of a path."""
    return peer.tell("/find", {"path": path})


def names(folder: object = 0) -> set[str]:
    """The names in a folder."""
    wish = {"cid": folder, "limit": 1150}
    return {entry["n"] for entry in check_response(client.fs_files(wish))["data"]}


@check("the desktop's link, the whole call sealed, leads to the bytes")
def _() -> None:
    url = client.download_url(found("plain.txt")["pickcode"])
    request = urllib.request.Request(str(url), headers={"user-agent": "", **url.headers})
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == PLAIN


@check("a folder is made, and a second of its name is refused")
def _() -> None:
    made = check_response(client.fs_mkdir("made", pid=0))
    assert made["cname"] == "made"
    with refused(P115FileExistsError):
        check_response(client.fs_mkdir("made", pid=0))


@check("a file is copied, renamed, moved; its extension stays")
def _() -> None:
    target = found("made")["id"]
    check_response(client.fs_copy(found("plain.txt")["id"], pid=target))
    copy = found("made/plain.txt")["id"]
    answer = check_response(client.fs_rename((copy, "other.md")))
    assert answer["data"] == {copy: "other.txt"}
    assert client.fs_rename((copy, "other.txt"))["data"] == []
    check_response(client.fs_move(copy, pid=0))
    assert "other.txt" in names()


@check("what is deleted lies in the bin, comes back, and is gone with the key")
def _() -> None:
    number = found("other.txt")["id"]
    check_response(client.fs_delete(number))
    assert "other.txt" not in names()
    (entry,) = check_response(client.recyclebin_list())["data"]
    check_response(client.recyclebin_revert(entry["id"]))
    assert "other.txt" in names()
    check_response(client.fs_delete(number))
    with refused(P115OSError, "320001"):
        check_response(client.recyclebin_clean(password="123456"))
    check_response(client.recyclebin_clean())
    assert check_response(client.recyclebin_list())["data"] == []


@check("an upload's identity, places and token")
def _() -> None:
    assert check_response(client.upload_info())["user_id"] == peer.line["user_id"]
    assert client.upload_url()["endpoint"].startswith("http://oss-")
    assert client.upload_gettoken()["StatusCode"] == "200"
    assert client.upload_sample_init("a.txt")["object"]


@check("known content is uploaded without sending it; when large, after its proof")
def _() -> None:
    sha1 = hashlib.sha1(PLAIN).hexdigest()
    done = client.upload_file_init(filename="rapid.txt", filesha1=sha1, filesize=len(PLAIN))
    assert (done["reuse"], done["pickcode"]) == (True, found("rapid.txt")["pickcode"])
    peer.tell("/add", {"path": "/", "name": "large.bin", "content": LARGE.decode()})

    def part(span: str) -> bytes:
        first, _, last = span.partition("-")
        return LARGE[int(first) : int(last) + 1]

    sha1 = hashlib.sha1(LARGE).hexdigest()
    done = client.upload_file_init(
        filename="again.bin", filesha1=sha1, filesize=len(LARGE), read_range_bytes_or_hash=part
    )
    assert done["reuse"] is True
    other = hashlib.sha1(b"other").hexdigest()
    done = client.upload_file_init(filename="new.bin", filesha1=other, filesize=5)
    assert (done["reuse"], done["status"], done["bucket"]) == (False, 1, "fhnfile")


@check("downloads into the drive: added, listed, done, deleted, counted")
def _() -> None:
    answer = check_response(client.clouddownload_task_add_urls([MAGNET], type="ssp"))
    (result,) = answer["data"]["result"]
    assert result["name"] == "film"
    peer.tell("/clock", {"jump_s": 5})
    (task,) = check_response(client.clouddownload_task_list(method="GET"))["tasks"]
    assert (task["status"], task["info_hash"]) == (1, result["info_hash"])
    peer.tell("/clock", {"jump_s": 6})
    assert "film" in names(found("云下载")["id"])
    check_response(client.clouddownload_task_del(result["info_hash"]))
    assert check_response(client.clouddownload_task_list())["tasks"] == []
    quota = check_response(client.clouddownload_quota_info())
    assert quota["count"] - quota["surplus"] == 1


check.end()
