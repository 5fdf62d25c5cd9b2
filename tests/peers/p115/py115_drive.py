"""py115 with cookies: another hand's reading of the cookie API (wire 115 §14.1, §14.3)."""

from __future__ import annotations

import hashlib
import io
import urllib.request
from functools import partial
from http.cookies import SimpleCookie

from py115 import cloud
from py115._internal.crypto import _rsa, ec115, m115
from py115.lowlevel import Client
from py115.lowlevel.api import (
    QrcodeLoginApi,
    QrcodeStatusApi,
    QrcodeTokenApi,
    StorageInfoApi,
    UploadTokenApi,
)
from py115.lowlevel.types import QrcodeClient, QrcodeStatus

from tests.peers.checks import Checks, Peer
from tests.peers.p115.pointing import Rerouted

ENTRIES = {"many", "目录", "空", "plain.txt"}
LARGE = bytes(range(256)) * 4096 + b"."
peer = Peer()
m115._cipher = _rsa.Cipher(int(peer.line["modulus"], 16).to_bytes(128, "big"), 65537)
ec115._server_pub_key = b"\x04" + bytes.fromhex(peer.line["ec_public"])
cloud.Client = partial(Client, transport=Rerouted(peer.address))
drive = cloud.Cloud()
cookies = {name: one.value for name, one in SimpleCookie(peer.line["cookie"]).items()}
drive.lowlevel()[0].import_cookies(cookies)
drive._after_login()  # its own import of a login knows nothing of KID
storage = drive.storage()
check = Checks()


def number(path: str) -> str:
    """The id of a path."""
    return peer.tell("/find", {"path": path})["id"]


@check("the version to call itself is told")
def _() -> None:
    assert "115Browser/36" in drive.lowlevel()[0].user_agent


@check("a QR code is shown, polled and redeemed for cookies")
def _() -> None:
    # Its own `qrcode_start` calls itself with one argument too many.
    call = drive.lowlevel()[0].call_api
    token = call(QrcodeTokenApi(QrcodeClient.WEB))
    poll = QrcodeStatusApi(token.uid, token.time, token.sign)
    assert [call(poll) for _ in range(3)] == [
        QrcodeStatus.WAITING,
        QrcodeStatus.SCANNED,
        QrcodeStatus.ALLOWED,
    ]
    login = call(QrcodeLoginApi(QrcodeClient.WEB, token.uid))
    assert login.user_id == peer.line["user_id"]
    assert set(login.cookies) == {"UID", "CID", "SEID", "KID"}


@check("it lists forty files, in the order that the folder remembers")
def _() -> None:
    peer.tell("/remember", {"path": "many", "order": "file_name", "is_asc": 1})
    peer.tell("/switch", {"order-refused": True})
    try:
        names = [file.name for file in storage.list_files(number("many"))]
    finally:
        peer.tell("/switch", {"order-refused": False})
    assert names == [f"{one:02}.txt" for one in range(40)], names
    assert {file.name for file in storage.list_files("0")} == ENTRIES


@check("the space")
def _() -> None:
    told = drive.lowlevel()[0].call_api(StorageInfoApi())
    assert told.total_size > told.used_size > 0


@check("a link leads to the bytes")
def _() -> None:
    # Its cookie jar knows the content host by name, and here that is a path.
    peer.tell("/switch", {"links-f1": True})
    ticket = storage.request_download(peer.tell("/find", {"path": "plain.txt"})["pickcode"])
    headers = {"user-agent": ticket.headers["User-Agent"]}
    with urllib.request.urlopen(urllib.request.Request(ticket.url, headers=headers)) as answer:
        assert answer.read() == b"plain\n"


@check("known content is uploaded without sending it, small as it is")
def _() -> None:
    pickcode = storage.request_upload_stream("0", "again.txt", io.BytesIO(b"plain\n"))
    assert pickcode == peer.tell("/find", {"path": "again.txt"})["pickcode"]


@check("large content must be proved to be at hand")
def _() -> None:
    peer.tell("/add", {"path": "/", "name": "large.bin", "content": "x" * 1_500_000})
    pickcode = storage.request_upload_stream("0", "copy.bin", io.BytesIO(b"x" * 1_500_000))
    found = peer.tell("/find", {"path": "copy.bin"})
    assert (pickcode, found["sha1"]) == (
        found["pickcode"],
        hashlib.sha1(b"x" * 1_500_000).hexdigest().upper(),
    )


@check("unknown content is sent to the object store, with a token")
def _() -> None:
    ticket = storage.request_upload_stream("0", "new.bin", io.BytesIO(b"never seen"))
    assert ticket.bucket_name == "fhnfile"
    assert drive.lowlevel()[0].call_api(UploadTokenApi()).access_key_id == "STS.test"


@check("folders are made, files renamed, moved and deleted")
def _() -> None:
    made = storage.make_dir("0", "made")
    storage.rename_file(number("again.txt"), "other.md")
    assert {file.name for file in storage.list_files("0")} >= {"made", "other.txt"}
    storage.move_files(made, number("other.txt"))
    assert [file.name for file in storage.list_files(made)] == ["other.txt"]
    storage.remove_files(made)
    assert "made" not in {file.name for file in storage.list_files("0")}


@check("a download into the drive is added, and ends there")
def _() -> None:
    # Its listing loses `ac` from the address with httpx 0.28, and so asks for nothing.
    drive.offline().add_urls("https://example.test/a.bin", save_dir_id=number("目录"))
    peer.tell("/clock", {"jump_s": 11})
    assert number("目录/a.bin")


check.end()
