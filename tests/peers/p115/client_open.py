"""p115client with the Open platform (wire 115 §14.3)."""

from __future__ import annotations

import urllib.request

from p115client import P115Client, P115OpenClient, check_response
from p115client.exception import P115OSError

from tests.peers.checks import Checks, Peer, refused
from tests.peers.p115.pointing import point_p115client

ENTRIES = {"many", "目录", "空", "plain.txt"}
# What this client proves its sign-in with when it is given nothing else (64 zeros, by MD5).
VERIFIER = "0" * 64
peer = Peer()
point_p115client(peer)
client = P115OpenClient(peer.line["access_token"], peer.line["refresh_token"])
check = Checks()


def stats() -> dict[str, int]:
    """Requests by kind since the last time."""
    told = peer.ask("/stats")["requests"]
    peer.tell("/reset")
    return told


@check("a device code is shown, confirmed and redeemed with its verifier")
def _() -> None:
    token = check_response(P115Client.login_qrcode_token_open(peer.line["client_id"]))["data"]
    polls = [P115Client.login_qrcode_scan_status(token) for _ in range(3)]
    assert [poll["data"]["status"] for poll in polls] == [0, 1, 2]
    wish = {"uid": token["uid"], "code_verifier": VERIFIER}
    pair = check_response(P115Client.login_qrcode_access_token_open(wish))["data"]
    assert pair["expires_in"] == 7200
    fresh = P115OpenClient(pair["access_token"], pair["refresh_token"])
    assert check_response(fresh.user_info())["data"]["user_id"] == peer.line["user_id"]


@check("an app that is not known is refused with 40140100")
def _() -> None:
    assert P115Client.login_qrcode_token_open("1")["code"] == 40140100


@check("a refresh token works once")
def _() -> None:
    token = P115Client.login_qrcode_token_open(peer.line["client_id"])["data"]
    peer.tell("/qr", {"state": "confirmed"})
    wish = {"uid": token["uid"], "code_verifier": VERIFIER}
    first = P115Client.login_qrcode_access_token_open(wish)["data"]["refresh_token"]
    second = check_response(P115Client.login_refresh_token_open(first))["data"]["refresh_token"]
    assert second != first
    with refused(P115OSError, "40140116"):
        check_response(P115Client.login_refresh_token_open(first))


@check("an expired access token is renewed, and the call repeated")
def _() -> None:
    peer.tell("/expire", {"what": "access"})
    stats()
    assert check_response(client.user_info())["data"]["user_id"] == peer.line["user_id"]
    asked = stats()
    assert (asked["space"], asked["auth"]) == (2, 1), asked


@check("the space has a total, maybe with a fraction")
def _() -> None:
    sizes = check_response(client.user_info())["data"]["rt_space_info"]
    assert sizes["all_total"]["size"] > sizes["all_use"]["size"] > 0


@check("a listing and its second page")
def _() -> None:
    page = check_response(client.fs_files(0))
    assert {entry["fn"] for entry in page["data"]} == ENTRIES
    many = next(entry["fid"] for entry in page["data"] if entry["fn"] == "many")
    wish = {"cid": many, "limit": 30, "o": "file_name", "asc": 1, "custom_order": 1}
    pages = [check_response(client.fs_files({**wish, "offset": offset})) for offset in (0, 30)]
    names = [entry["fn"] for one in pages for entry in one["data"]]
    assert names == [f"{number:02}.txt" for number in range(40)]
    assert {one["count"] for one in pages} == {40}


@check("one object is told by id")
def _() -> None:
    folder = peer.tell("/find", {"path": "目录"})
    told = check_response(client.fs_info(folder["id"]))["data"]
    assert (told["file_name"], told["count"], told["folder_count"]) == ("目录", 2, 1)


@check("a link leads to the bytes")
def _() -> None:
    pickcode = peer.tell("/find", {"path": "plain.txt"})["pickcode"]
    (item,) = check_response(client.download_url_info(pickcode))["data"].values()
    request = urllib.request.Request(item["url"]["url"], headers={"user-agent": ""})
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"plain\n"


check.end()
