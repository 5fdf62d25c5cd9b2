"""p115client with cookies: sign-in, listings, links (wire 115 §14.3)."""

from __future__ import annotations

import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from p115client import P115Client, check_response, tool
from p115client.exception import P115FileNotFoundError

from tests.peers.checks import Checks, Peer, refused
from tests.peers.p115.pointing import point_p115client

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = b"plain\n"
ENTRIES = {"many", "目录", "空", "plain.txt"}
peer = Peer()
point_p115client(peer)
client = P115Client(peer.line["cookie"])
# Else it lists a page to learn this account's constant end of pickcodes.
client.pickcode_stable_point = "0b1c"
check = Checks()


def found(path: str) -> dict[str, str]:
    """Id, pickcode and SHA-1 of a path."""
    return peer.tell("/find", {"path": path})


def fetched(url: str) -> bytes:
    """What a link leads to, asked for with the headers that the client says it needs."""
    headers = {"user-agent": "", **(getattr(url, "headers", None) or {})}
    request = urllib.request.Request(str(url), headers=headers)
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def signed_in(app: str) -> P115Client:
    """A client that holds this device slot."""
    token = P115Client.login_qrcode_token()["data"]
    peer.tell("/qr", {"state": "confirmed"})
    cookies = P115Client.login_qrcode_scan_result(token["uid"], app=app)["data"]["cookie"]
    signed = P115Client("; ".join(f"{name}={value}" for name, value in cookies.items()))
    signed.pickcode_stable_point = "0b1c"
    return signed


@contextmanager
def switched(name: str) -> Iterator[None]:
    """A trap is on inside the block."""
    peer.tell("/switch", {name: True})
    try:
        yield
    finally:
        peer.tell("/switch", {name: False})


@check("a QR code is shown, scanned, confirmed and redeemed for cookies")
def _() -> None:
    token = check_response(P115Client.login_qrcode_token())["data"]
    polls = [P115Client.login_qrcode_scan_status(token) for _ in range(3)]
    states = [poll["data"]["status"] for poll in polls]
    assert states == [0, 1, 2], states
    done = check_response(P115Client.login_qrcode_scan_result(token["uid"], app="tv"))
    assert set(done["data"]["cookie"]) == {"UID", "CID", "SEID", "KID"}


@check("the login's status")
def _() -> None:
    assert client.login_status() is True
    assert client.login_check_sso()["data"]["user_id"] == peer.line["user_id"]
    peer.tell("/expire", {"what": "cookie"})
    try:
        assert client.login_status() is False
    finally:
        peer.tell("/revive")


@check("all four listings show the same")
def _() -> None:
    for call in (client.fs_files, client.fs_files_aps):
        page = check_response(call(0))
        assert {entry["n"] for entry in page["data"]} == ENTRIES
        assert page["count"] == len(ENTRIES)
    page = check_response(client.fs_files_app(0))
    assert {entry["fn"] for entry in page["data"]} == ENTRIES


@check("iterdir reads forty files in pages of seven, in order")
def _() -> None:
    entries = tool.iterdir(client, found("many")["id"], page_size=7, order="file_name", asc=1)
    names = [entry["name"] for entry in entries]
    assert names == [f"{number:02}.txt" for number in range(40)], names


@check("an unknown folder is noticed although the root is listed")
def _() -> None:
    with refused(NotADirectoryError):
        list(tool.iterdir(client, 3999999999999999999))


@check("one object: file, category, id of a path, space")
def _() -> None:
    file, folder = found("plain.txt"), found("目录")
    assert check_response(client.fs_file(file["id"]))["data"][0]["n"] == "plain.txt"
    told = client.fs_category_get(folder["id"])
    assert (int(told["count"]), int(told["folder_count"])) == (2, 1)
    assert int(client.fs_dir_getid("/目录")["id"]) == int(folder["id"])
    sizes = check_response(client.fs_index_info())["data"]["space_info"]
    assert sizes["all_total"]["size"] > sizes["all_use"]["size"] > 0


@check("the web's links lead to the bytes with their cookie")
def _() -> None:
    pickcode = found("plain.txt")["pickcode"]
    assert fetched(client.download_url(pickcode, app="web")) == PLAIN
    answer = client.download_url_web(pickcode, method="GET")
    assert "cookie" in answer["headers"]
    assert answer["file_name"] == "plain.txt"


@check("links of chrome and android lead to the bytes while they need no cookie")
def _() -> None:
    # This client drops the cookie of these answers, which broke it in 2026 (§0.8).
    pickcode = found("plain.txt")["pickcode"]
    android = signed_in("android")
    with switched("links-f1"):
        assert fetched(client.download_url(pickcode, app="chrome")) == PLAIN
        assert fetched(android.download_url(pickcode, app="android")) == PLAIN


@check("a link of nothing is a file that is not found")
def _() -> None:
    with refused(P115FileNotFoundError):
        client.download_url("a38v1gqa8xmqshq4n", app="chrome")


@check("with asyncio it is all the same")
async def _() -> None:
    page = await client.fs_files(0, async_=True)
    assert page["count"] == len(ENTRIES)


check.end()
