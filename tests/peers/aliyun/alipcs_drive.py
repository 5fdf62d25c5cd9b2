"""AliPCS-Py with the apps' own API: an own drive and a share (wire Aliyundrive §11)."""

from __future__ import annotations

from pathlib import Path

import alipcs_py.alipcs.errors as errors
import alipcs_py.alipcs.pcs as pcs
from alipcs_py.alipcs.api import AliPCSApi
from alipcs_py.alipcs.errors import AliPCSError

from tests.peers.checks import Checks, Peer, refused

ENTRIES = {"many", "目录", "空", "plain.txt", "viele"}
PLAIN = b"plain\n"
MANY = 250
peer = Peer()
folder = Path(peer.line["root"], "viele")
folder.mkdir()
for number in range(MANY):
    (folder / f"{number:03}.txt").write_text(f"{number}\n")
pcs.ALIYUNDRIVE_COM_API = pcs.ALIYUNDRIVE_OPENAPI_DOMAIN = peer.address
client = AliPCSApi(peer.line["refresh_token"])
check = Checks()


def found(path: str) -> str:
    """The id of a path in the own drive."""
    return peer.tell("/path", {"path": path})["file_id"]


@check("a refresh token signs in, a device session is made, the user is told")
def _() -> None:
    user = client.user_info()
    assert user.user_id == peer.line["user_id"]
    assert user.nick_name == "所有者"


@check("listings: the root, and 250 entries over markers")
def _() -> None:
    assert {file.name for file in client.list_iter("root")} == ENTRIES
    names = [file.name for file in client.list_iter(found("viele"))]
    assert sorted(names) == [f"{number:03}.txt" for number in range(MANY)]


@check("objects by id and by path")
def _() -> None:
    assert client.meta(found("plain.txt")).size == len(PLAIN)
    file = client.get_file(remotepath="/目录/inner/deep.txt")
    assert file.file_id == found("目录/inner/deep.txt")


@check("a link, and a stream that is sought in and read")
def _() -> None:
    file_id = found("目录/film.mkv")
    assert client.download_link(file_id).size == 1 << 18
    stream = client.file_stream(file_id)
    stream.seek(1000)
    assert stream.read(8) == bytes((1000 + number) % 256 for number in range(8))
    stream.seek(0)
    assert stream.read(4) == bytes(range(4))


@check("a folder is made, a file copied into it, renamed, found and removed")
def _() -> None:
    made = client.makedir("root", "neu")
    copy = client.copy(found("plain.txt"), made.file_id)[0]
    assert client.rename(copy.file_id, "umbenannt.txt").name == "umbenannt.txt"
    assert [file.name for file in client.search_all("umbenannt")] == ["umbenannt.txt"]
    assert client.remove(copy.file_id) == [True]
    assert client.exists_in_trash(copy.file_id)


@check("a share: a wrong code is refused; it is listed and saved from")
def _() -> None:
    share_id, code = peer.line["share"], peer.line["share_password"]
    with refused(AliPCSError, "InvalidResource.SharePwd"):
        client.get_share_token(share_id, "nope")
    client.get_share_token(share_id, code)
    assert client.shared_info(share_id).file_count == len(ENTRIES)
    files = {file.name: file.file_id for file in client.list_iter("root", share_id=share_id)}
    assert files.keys() == ENTRIES
    made = client.makedir("root", "gespart")
    saved = client.transfer_shared_files([files["plain.txt"]], made.file_id, share_id)
    assert len(saved) == 1
    assert [file.name for file in client.list_iter(made.file_id)] == ["plain.txt"]


@check("a direct link of a shared file is refused, as since 2024-03")
def _() -> None:
    share_id = peer.line["share"]
    files = {file.name: file.file_id for file in client.list_iter("root", share_id=share_id)}
    errors.time.sleep = lambda _seconds: None  # it would wait 10 s
    with refused(AliPCSError, "ParamFlowException"):
        client.shared_file_download_url(files["plain.txt"], share_id)


@check("a refresh token that died is told by its code")
def _() -> None:
    peer.tell("/expire", {"what": "refresh"})
    with refused(AliPCSError, "InvalidParameter.RefreshToken"):
        client.refresh()


raise SystemExit(check.run())
