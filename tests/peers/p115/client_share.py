"""p115client with a share, with and without a login (wire 115 §14.3)."""

from __future__ import annotations

import urllib.request

from p115client import P115Client, check_response, tool
from p115client.exception import P115OSError

from tests.peers.checks import Checks, Peer, refused
from tests.peers.p115.pointing import point_p115client

ENTRIES = {"many", "目录", "空", "plain.txt"}
peer = Peer()
point_p115client(peer)
client = P115Client(peer.line["cookie"])
client.pickcode_stable_point = "0b1c"
share = {"share_code": peer.line["share_code"], "receive_code": peer.line["receive_code"]}
check = Checks()


@check("the top of a share, signed in and not")
def _() -> None:
    for call in (client.share_snap, P115Client.share_snap):
        data = check_response(call(share))["data"]
        assert {entry["n"] for entry in data["list"]} == ENTRIES
        assert int(data["share_state"]) == 1


@check("a wrong code is errno 4100008, a missing one 4100012")
def _() -> None:
    with refused(P115OSError, "4100008"):
        check_response(client.share_snap({**share, "receive_code": "zzzz"}))
    with refused(P115OSError, "4100012"):
        check_response(client.share_snap({**share, "receive_code": ""}))


@check("an expired share is a success whose state is 7")
def _() -> None:
    peer.tell("/share", {"state": "expired"})
    try:
        data = check_response(client.share_snap(share))["data"]
        assert (int(data["share_state"]), data["list"]) == (7, [])
    finally:
        peer.tell("/share", {"state": "fine"})


@check("share_iterdir lists the top and a folder, also without a login")
def _() -> None:
    code, password = share["share_code"], share["receive_code"]
    for who in (client, None):
        top = list(tool.share_iterdir(who, code, password))
        assert {entry["name"] for entry in top} == ENTRIES
        many = next(entry for entry in top if entry["name"] == "many")
        # In one page: it takes an unchanged count on the second one for the end.
        inner = list(tool.share_iterdir(who, code, password, cid=many["id"]))
        assert sorted(entry["name"] for entry in inner) == [f"{n:02}.txt" for n in range(40)]


@check("links from chrome, the web and the desktop lead to the bytes")
def _() -> None:
    number = peer.tell("/find", {"path": "plain.txt", "drive": "shared"})["share_id"]
    # This client drops the cookie of these answers, which broke it in 2026 (wire 115 §0.8).
    peer.tell("/switch", {"links-f1": True})
    for more in ({"app": "chrome"}, {}, {"app": "web"}):
        url = client.share_download_url({**share, "file_id": number}, **more)
        headers = {"user-agent": client.headers["user-agent"]}
        request = urllib.request.Request(str(url), headers=headers)
        with urllib.request.urlopen(request) as answer:
            assert answer.read() == b"plain\n", more


@check("receiving puts a copy into the drive, and twice is told")
def _() -> None:
    number = peer.tell("/find", {"path": "plain.txt", "drive": "shared"})["share_id"]
    target = peer.tell("/find", {"path": "目录"})["id"]
    wish = {**share, "file_id": number, "cid": target}
    check_response(client.share_receive(wish))
    names = [entry["n"] for entry in client.fs_files(target)["data"]]
    assert "plain.txt" in names
    with refused(P115OSError, "4200045"):
        check_response(client.share_receive(wish))


check.end()
