"""alibabacloud-pds20220301, the vendor's own client, for members and visitors (wire PDS §8)."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path
from typing import Any

from alibabacloud_credentials.client import Client as Credential
from alibabacloud_credentials.models import Config as CredentialConfig
from alibabacloud_pds20220301 import models as m
from alibabacloud_pds20220301.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

from tests.peers.checks import Checks, Peer, refused

PLAIN = b"plain\n"
ENTRIES = {"many", "目录", "空", "plain.txt"}
MANY = 250
POLLS = 10
peer = Peer()
endpoint = peer.address.removeprefix("http://")
anonymous = Client(Config(endpoint=endpoint, protocol="HTTP"))
options = RuntimeOptions()
check = Checks()
state: dict[str, Any] = {}

folder = Path(peer.line["root"], "viele")
folder.mkdir()
for number in range(MANY):
    (folder / f"{number:03}.txt").write_text(f"{number}\n")


def member() -> Client:
    """The client of a member who has signed in."""
    return state["member"]


def found(path: str) -> str:
    """The id of a path in the member's drive."""
    return peer.tell("/path", {"path": path})["file_id"]


def opened(share_id: str, code: str) -> dict[str, str]:
    """The headers of a visitor."""
    asked = m.GetShareLinkTokenRequest(share_id=share_id, share_pwd=code)
    return {"x-share-token": anonymous.get_share_link_token(asked).body.share_token}


def fetched(url: str, **headers: str) -> tuple[int, bytes]:
    """What a link leads to."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.status, answer.read()


def finished(task_id: str) -> int:
    """Follow a task to its end; gives how often it was asked about."""
    for polls in range(1, POLLS):
        told = member().get_async_task(m.GetAsyncTaskRequest(async_task_id=task_id)).body
        if told.state == "Succeed":
            return polls
        assert told.state == "Running", told.state
    raise AssertionError("the task does not end")


@check("a refresh token signs a member in, once")
def _() -> None:
    first = peer.tell("/token")["refresh_token"]
    asked = m.TokenRequest(client_id="app", grant_type="refresh_token", refresh_token=first)
    told = anonymous.token(asked).body
    assert told.expires_in == 7200
    assert told.refresh_token != first
    credential = Credential(CredentialConfig(type="bearer", bearer_token=told.access_token))
    state["member"] = Client(Config(endpoint=endpoint, protocol="HTTP", credential=credential))
    with refused(Exception, "InvalidParameter.RefreshToken"):
        anonymous.token(asked)


@check("a member and the drives")
def _() -> None:
    user = member().get_user(m.GetUserRequest()).body
    assert user.domain_id == "hz22"
    assert user.created_at > 1_000_000_000_000
    drives = member().list_my_drives(m.ListMyDrivesRequest()).body.items
    default = member().get_default_drive(m.GetDefaultDriveRequest()).body
    assert default.drive_id == drives[0].drive_id == user.default_drive_id
    assert default.total_size > default.used_size > 0
    state["drive"] = default.drive_id


@check("listings: the root, and 250 entries in pages of 100")
def _() -> None:
    asked = m.ListFileRequest(drive_id=state["drive"], parent_file_id="root")
    page = member().list_file(asked).body
    assert {item.name for item in page.items} == ENTRIES | {"viele"}
    assert page.next_marker == ""
    names, marker = [], ""
    while True:
        asked = m.ListFileRequest(
            drive_id=state["drive"],
            parent_file_id=found("viele"),
            limit=100,
            marker=marker,
            order_by="name",
        )
        page = member().list_file(asked).body
        names += [item.name for item in page.items]
        marker = page.next_marker
        if not marker:
            break
    assert names == [f"{number:03}.txt" for number in range(MANY)]


@check("an unknown file and a page that is too long are refused")
def _() -> None:
    with refused(Exception, "NotFound.File"):
        member().get_file(m.GetFileRequest(drive_id=state["drive"], file_id="0" * 40))
    with refused(Exception, "InvalidParameter.Limit"):
        member().list_file(
            m.ListFileRequest(drive_id=state["drive"], parent_file_id="root", limit=101)
        )


@check("a share is created, found and changed by its owner")
def _() -> None:
    share = (
        member()
        .create_share_link(
            m.CreateShareLinkRequest(
                drive_id=state["drive"],
                file_id_list=[found("目录"), found("plain.txt")],
                share_pwd="abcd",
                share_name="geteilt",
                expiration="2099-01-01T00:00:00.000Z",
            )
        )
        .body
    )
    assert share.share_pwd == "abcd"
    state["share"] = share.share_id
    told = member().get_share_link(m.GetShareLinkRequest(share_id=share.share_id)).body
    assert (told.share_name, told.expired, told.status) == ("geteilt", False, "enabled")
    listed = member().list_share_link(m.ListShareLinkRequest()).body.items
    assert [one.share_id for one in listed] == [share.share_id]
    query = "share_name_for_fuzzy match 'eteil' and status = 'enabled'"
    asked = m.SearchShareLinkRequest(query=query, return_total_count=True)
    searched = member().search_share_link(asked).body
    assert searched.total_count == 1
    changed = m.UpdateShareLinkRequest(share_id=share.share_id, share_pwd="wxyz", description="d")
    assert member().update_share_link(changed).body.share_pwd == "wxyz"


@check("a visitor sees who shares, and needs the right code")
def _() -> None:
    asked = m.GetShareLinkByAnonymousRequest(share_id=state["share"])
    told = anonymous.get_share_link_by_anonymous(asked).body
    assert told.share_name == "geteilt"
    assert "***" in told.creator_phone
    with refused(Exception, "InvalidResource.SharePwd"):
        opened(state["share"], "abcd")
    state["headers"] = opened(state["share"], "wxyz")


@check("a visitor lists, looks and reads without a login")
def _() -> None:
    headers, share_id = state["headers"], state["share"]
    asked = m.ListFileRequest(share_id=share_id, parent_file_id="root")
    page = anonymous.list_file_with_options(asked, headers, options).body
    ids = {item.name: item.file_id for item in page.items}
    assert ids.keys() == {"目录", "plain.txt"}
    assert {item.parent_file_id for item in page.items} == {"root"}
    below = m.ListFileRequest(share_id=share_id, parent_file_id=ids["目录"])
    page = anonymous.list_file_with_options(below, headers, options).body
    assert {item.name for item in page.items} == {"inner", "film.mkv"}
    one = m.GetFileRequest(share_id=share_id, file_id=ids["plain.txt"])
    assert anonymous.get_file_with_options(one, headers, options).body.size == len(PLAIN)
    link = m.GetDownloadUrlRequest(share_id=share_id, file_id=ids["plain.txt"], expire_sec=7200)
    told = anonymous.get_download_url_with_options(link, headers, options).body
    assert told.size == len(PLAIN)
    assert fetched(told.url) == (200, PLAIN)
    assert fetched(told.url, Range="bytes=1-3") == (206, PLAIN[1:4])
    state["shared"] = ids


@check("without a share token, and with one of another share, nothing is shown")
def _() -> None:
    asked = m.ListFileRequest(share_id=state["share"], parent_file_id="root")
    with refused(Exception, "ShareLinkTokenInvalid"):
        anonymous.list_file(asked)
    other = opened(peer.line["share"], peer.line["share_password"])
    with refused(Exception, "InvalidParameterNotMatch"):
        anonymous.list_file_with_options(asked, other, options)


@check("a shared file is saved at once, a shared folder by a task")
def _() -> None:
    for name, status in (("plain.txt", 201), ("目录", 202)):
        asked = m.CopyFileRequest(
            share_id=state["share"],
            file_id=state["shared"][name],
            to_drive_id=state["drive"],
            to_parent_file_id="root",
            auto_rename=True,
        )
        answer = member().copy_file_with_options(asked, state["headers"], options)
        assert answer.status_code == status, answer.status_code
        if status == 202:
            assert finished(answer.body.async_task_id) == 3
        one = m.GetFileRequest(drive_id=state["drive"], file_id=answer.body.file_id)
        copy = member().get_file(one).body
        assert copy.name.startswith(name.partition(".")[0])
        assert copy.file_id != state["shared"][name]


@check("an upload: parts in order, seen, completed, known again without its bytes")
def _() -> None:
    data = os.urandom(1 << 18)
    parts = [m.CreateFileRequestPartInfoList(part_number=number) for number in (1, 2)]
    asked = m.CreateFileRequest(
        drive_id=state["drive"],
        parent_file_id="root",
        name="hinauf.bin",
        type="file",
        size=len(data),
        part_info_list=parts,
    )
    begun = member().create_file(asked).body
    half = len(data) // 2
    for info, piece in zip(begun.part_info_list, (data[:half], data[half:]), strict=True):
        put = urllib.request.Request(info.upload_url, data=piece, method="PUT")
        put.add_header("Content-Type", "")
        urllib.request.urlopen(put).close()
    where = {"drive_id": state["drive"], "file_id": begun.file_id, "upload_id": begun.upload_id}
    seen = member().list_uploaded_parts(m.ListUploadedPartsRequest(**where)).body.uploaded_parts
    assert [part.part_size for part in seen] == [half, half]
    done = member().complete_file(m.CompleteFileRequest(**where)).body
    assert done.size == len(data)
    again = m.CreateFileRequest(
        drive_id=state["drive"],
        parent_file_id="root",
        name="nochmal.bin",
        type="file",
        size=len(data),
        content_hash=done.content_hash,
        content_hash_name="sha1",
    )
    assert member().create_file(again).body.rapid_upload is True
    state["uploaded"] = done.file_id


@check("a file is moved, thrown away, and asked for in a batch")
def _() -> None:
    where = {"drive_id": state["drive"], "file_id": state["uploaded"]}
    moved = m.MoveFileRequest(**where, to_parent_file_id=found("目录"))
    assert member().move_file(moved).body.file_id == state["uploaded"]
    answer = member().trash_file(m.TrashFileRequest(**where))
    assert answer.status_code == 204
    rows = [
        m.BatchRequestRequests(id=name, method="POST", url="/file/get", body=body)
        for name, body in (("there", where), ("gone", where | {"file_id": "0" * 40}))
    ]
    told = member().batch(m.BatchRequest(resource="file", requests=rows)).body.responses
    assert [(one.id, one.status) for one in told] == [("there", 200), ("gone", 404)]


@check("a cancelled share tells that it is")
def _() -> None:
    member().cancel_share_link(m.CancelShareLinkRequest(share_id=state["share"]))
    with refused(Exception, "ShareLink.Cancelled"):
        opened(state["share"], "wxyz")


@check("with asyncio it is all the same")
async def _() -> None:
    asked = m.ListFileRequest(drive_id=state["drive"], parent_file_id="root")
    page = (await member().list_file_async(asked)).body
    assert {item.name for item in page.items} > ENTRIES


raise SystemExit(check.run())
