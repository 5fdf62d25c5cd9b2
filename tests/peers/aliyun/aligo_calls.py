"""What aligo is made to do, however it was pointed at the emulator."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.peers.checks import Checks

if TYPE_CHECKING:
    from types import ModuleType

    from tests.peers.checks import Peer

ENTRIES = {"many", "目录", "空", "plain.txt", "viele"}
PLAIN = b"plain\n"
MANY = 250
_MIB = 1 << 20
_UPLOAD_BYTES = 25 * _MIB


def run(aligo: ModuleType, peer: Peer) -> int:
    """Run all checks; gives the exit code."""
    scratch = Path(tempfile.mkdtemp(dir=os.environ["HOME"]))
    aligo.set_config_folder(str(scratch / "config"))
    folder = Path(peer.line["root"], "viele")
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:03}.txt").write_text(f"{number}\n")
    shown: list[str] = []
    client = aligo.Aligo(level=logging.CRITICAL, show=shown.append)
    check = Checks()
    _signed_in(check, peer, client, shown)
    _reading(check, peer, client, scratch)
    _changing(check, peer, client, scratch)
    _visiting(check, peer, client)
    _sharing(check, peer, client)
    return check.run()


def _id(peer: Peer, path: str) -> str:
    return peer.tell("/path", {"path": path})["file_id"]


def _signed_in(check: Checks, peer: Peer, client: Any, shown: list[str]) -> None:
    @check("a QR code was shown, scanned and confirmed; the Chinese name arrived whole")
    def _() -> None:
        assert shown[0].startswith("https://passport.aliyundrive.com/qrcodeCheck.htm")
        user = client.get_user()
        assert (user.nick_name, user.user_id) == ("所有者", peer.line["user_id"])

    @check("space, and the drives")
    def _() -> None:
        space = client.get_personal_info().personal_space_info
        assert space.total_size > space.used_size > 0
        drives = {drive.drive_id for drive in client.list_my_drives()}
        assert client.get_default_drive().drive_id in drives

    @check("an access token that died is refreshed in passing")
    def _() -> None:
        peer.tell("/expire", {"what": "access"})
        assert client.get_file(_id(peer, "plain.txt")).name == "plain.txt"

    @check("a device that lost its session makes another")
    def _() -> None:
        peer.tell("/devices", {"do": "drop"})
        assert client.get_file(_id(peer, "plain.txt")).size == len(PLAIN)


def _reading(check: Checks, peer: Peer, client: Any, scratch: Path) -> None:
    @check("listings: the root, and 250 entries over markers")
    def _() -> None:
        assert {file.name for file in client.get_file_list()} == ENTRIES
        files = client.get_file_list(_id(peer, "viele"))
        assert {file.name for file in files} == {f"{number:03}.txt" for number in range(MANY)}

    @check("objects by path")
    def _() -> None:
        file = client.get_file_by_path("目录/inner/deep.txt")
        assert file.file_id == _id(peer, "目录/inner/deep.txt")
        assert client.get_folder_by_path("目录/inner").file_id == _id(peer, "目录/inner")
        assert client.get_file_by_path("目录/nothing.txt") is None

    @check("a link, and the download of a file")
    def _() -> None:
        file_id = _id(peer, "plain.txt")
        assert client.get_download_url(file_id).size == len(PLAIN)
        path = client.download_file(file_id=file_id, local_folder=str(scratch))
        assert Path(path).read_bytes() == PLAIN

    @check("search")
    def _() -> None:
        assert [file.name for file in client.search_files("deep")] == ["deep.txt"]


def _changing(check: Checks, peer: Peer, client: Any, scratch: Path) -> None:
    made: dict[str, str] = {}

    @check("a folder is made; a second one of its name is not")
    def _() -> None:
        made["folder"] = client.create_folder("neu").file_id
        again = client.create_folder("neu", check_name_mode="refuse")
        assert again.file_id == made["folder"]

    @check("an upload of 25 MiB in parts; the same again at once; four bytes")
    def _() -> None:
        large, small = scratch / "large.bin", scratch / "small.bin"
        large.write_bytes(os.urandom(_UPLOAD_BYTES))
        small.write_bytes(b"four")
        done = client.upload_file(str(large), made["folder"])
        sha1 = hashlib.sha1(large.read_bytes()).hexdigest().upper()
        assert client.get_file(done.file_id).content_hash == sha1
        again = client.upload_file(str(large), made["folder"], name="again.bin")
        assert again.rapid_upload is True
        four = client.upload_file(str(small), made["folder"])
        assert client.get_file(four.file_id).size == 4
        made["file"] = done.file_id

    @check("rename, move, copy, move many, trash")
    def _() -> None:
        assert client.rename_file(made["file"], "anders.bin").name == "anders.bin"
        client.move_file(made["file"], "root")
        assert client.get_file(made["file"]).parent_file_id == "root"
        copy = client.copy_file(made["file"], new_name="kopie.bin")
        assert copy.file_id != made["file"]
        answers = client.batch_move_files([made["file"], copy.file_id], made["folder"])
        assert [answer.status for answer in answers] == [200, 200]
        assert client.get_file(copy.file_id).parent_file_id == made["folder"]
        client.move_file_to_trash(made["file"])
        assert client.get_file(made["file"]).trashed is True


def _visiting(check: Checks, peer: Peer, client: Any) -> None:
    share_id, code = peer.line["share"], peer.line["share_password"]

    @check("what anybody sees of a share; a wrong code is refused")
    def _() -> None:
        told = client.get_share_info(share_id)
        assert told.file_count == len(ENTRIES)
        wrong = client.get_share_token(share_id, "nope")
        assert not wrong
        assert wrong.code == "InvalidResource.SharePwd"

    @check("a share is listed in both ways, and looked into")
    def _() -> None:
        token = client.get_share_token(share_id, code)
        files = {file.name: file.file_id for file in client.get_share_file_list(token)}
        assert files.keys() == ENTRIES
        below = client.list_by_share(token, parent_file_id=files["viele"])
        assert len(below) == MANY
        assert client.get_share_file(files["plain.txt"], token).size == len(PLAIN)

    @check("a shared file is saved, and several with a folder among them")
    def _() -> None:
        token = client.get_share_token(share_id, code)
        files = {file.name: file.file_id for file in client.get_share_file_list(token)}
        saved = client.share_file_saveto_drive(files["plain.txt"], token, new_name="kopie.txt")
        assert client.get_file(saved.file_id).size == len(PLAIN)
        both = [files["plain.txt"], files["目录"]]
        answers = client.batch_share_file_saveto_drive(both, token)
        assert [answer.status for answer in answers] == [201, 202]


def _sharing(check: Checks, peer: Peer, client: Any) -> None:
    @check("an own share is made, listed, changed and cancelled")
    def _() -> None:
        share = client.share_files([_id(peer, "plain.txt")], share_pwd="abcd", description="d")
        assert share.share_url.endswith(share.share_id)
        assert [one.share_id for one in client.get_share_list()] == [share.share_id]
        assert client.update_share(share.share_id, share_pwd="wxyz").share_pwd == "wxyz"
        client.cancel_share(share.share_id)
        over = client.get_share_token(share.share_id, "wxyz")
        assert over.code == "ShareLink.Cancelled"
        assert client.get_share_list() == []
