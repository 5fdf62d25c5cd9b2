"""AliPCS-Py with the Open API: QR code, tokens, reading (wire Aliyundrive Open §8)."""

from __future__ import annotations

from pathlib import Path

import alipcs_py.alipcs.pcs as pcs
from alipcs_py.alipcs.api import AliOpenPCSApi
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
pcs.ALIYUNDRIVE_OPENAPI_DOMAIN = peer.address
application = {"client_id": peer.line["client_id"], "client_secret": peer.line["client_secret"]}
client = AliOpenPCSApi(refresh_token=peer.line["refresh_token"], **application)
check = Checks()


def found(path: str) -> str:
    """The id of a path in the own drive."""
    return peer.tell("/path", {"path": path})["file_id"]


@check("a QR code is shown, scanned, confirmed and traded for a refresh token")
def _() -> None:
    login = pcs.AliOpenAuth(**application)
    told = login.get_qrcode_info()
    states = [login.scan_status(told["sid"]) for _ in range(3)]
    assert [state["status"] for state in states] == ["WaitLogin", "ScanSuccess", "LoginSuccess"]
    token = login.get_refresh_token(states[-1]["authCode"])
    assert token["refresh_token"].count(".") == 2


@check("listings: the root, and 250 entries over markers")
def _() -> None:
    assert {file.name for file in client.list_iter("root")} == ENTRIES
    names = [file.name for file in client.list_iter(found("viele"))]
    assert sorted(names) == [f"{number:03}.txt" for number in range(MANY)]


@check("objects that are there, and one that is not")
def _() -> None:
    assert client.meta(found("plain.txt")).size == len(PLAIN)
    assert client.exists(found("plain.txt"))
    assert not client.exists("0" * 40)


@check("a link, and a stream that is sought in and read")
def _() -> None:
    file_id = found("目录/film.mkv")
    assert client.download_link(file_id).url.startswith(peer.address)
    stream = client.file_stream(file_id)
    stream.seek(1000)
    assert stream.read(8) == bytes((1000 + number) % 256 for number in range(8))


@check("a refresh token that died is told by its code")
def _() -> None:
    peer.tell("/expire", {"what": "refresh"})
    again = AliOpenPCSApi(refresh_token=peer.line["refresh_token"], **application)
    with refused(AliPCSError, "RefreshToken"):
        list(again.list_iter("root"))


raise SystemExit(check.run())
