"""The owner's side: shares made, listed, changed, ended; others' saved, with both tokens."""

from __future__ import annotations

import pytest

from fsmount.errors import Changed, Denied, NotFound, NotSupported, ProviderFault
from fsmount.model import Saving, SharePass
from tests.drivers.pds.scripted import API, answered, drive, file, folder, refused

MADE = {
    "share_id": "S1",
    "share_pwd": "k9f2",
    "drive_id": "101",
    "file_id_list": ["id-a"],
    "expiration": "2026-11-29T11:21:04.000Z",
    "created_at": "2026-11-22T11:21:04.000Z",
}
LENT = SharePass(id="S9", code="abcd", token="ST9")


async def test_a_share_is_made():
    """Its end is on the provider's clock; the link is built where the answer has none."""
    driver, script = drive(share_link__create=answered(MADE, status=201))
    made = await driver.create_share(
        [file("a"), folder("f1")], name="", code="k9f2", lifetime_s=7 * 86400.0
    )
    assert script.calls[-1].json == {
        "drive_id": "101",
        "file_id_list": ["id-a", "f1"],
        "share_pwd": "k9f2",
        "expiration": "2026-11-29T11:21:04.000Z",
    }
    assert made.url == "https://bj29.apps.aliyunpds.com/disk/s/S1"
    assert (made.id, made.code, made.name, made.state) == ("S1", "k9f2", "a", "open")
    assert made.expires_ns == 1795951264 * 10**9


async def test_a_share_that_tells_its_link_is_believed():
    """A domain may have a host name of its own."""
    told = {**MADE, "share_url": "https://drive.example.com/s/S1", "share_name": "docs"}
    driver, script = drive(share_link__create=answered(told))
    made = await driver.create_share([driver.root], name="all", code=None, lifetime_s=None)
    assert (made.url, made.name) == ("https://drive.example.com/s/S1", "docs")
    assert script.calls[-1].json == {
        "drive_id": "101",
        "share_pwd": "",
        "share_all_files": True,
        "share_name": "all",
    }


@pytest.mark.parametrize(
    ("count", "code", "words"),
    [
        (101, None, "a share holds 100 files and folders at most"),
        (1, "x" * 65, "codes of up to 64 ASCII letters"),
        (1, "密码", "codes of up to 64 ASCII letters"),
        (1, "a b", "codes of up to 64 ASCII letters"),
    ],
)
async def test_what_the_provider_cannot_share_is_not_asked(count, code, words):
    """It would say "InvalidParameter" and not why."""
    driver, script = drive()
    with pytest.raises(NotSupported, match=words):
        await driver.create_share([file("a")] * count, name="", code=code, lifetime_s=None)
    assert "share_link/create" not in script.paths


def row(ident, **more):
    """Return a share as a list holds it."""
    return {"share_id": ident, "share_name": f"name of {ident}", "status": "enabled", **more}


def rows(*shares, marker=""):
    """Return a page of shares."""
    return answered({"items": list(shares), "next_marker": marker})


@pytest.mark.logs("left_out=1")
async def test_ones_own_shares_come_page_by_page():
    """An administrator would see everybody's: only one's own are asked for."""
    first = rows(
        row("S1", access_count=3, share_pwd="k9f2"),
        row("S2", expired=True),
        row("S3", expiration="2026-11-22T11:00:00Z"),
        row("S4", status="disabled"),
        {"share_id": []},
        marker="M2",
    )
    driver, script = drive(share_link__search=[first, rows(row("S5"))])
    page, cursor = await driver.own_shares(None)
    assert [(each.id, each.state) for each in page] == [
        ("S1", "open"),
        ("S2", "expired"),
        ("S3", "expired"),
    ]
    assert (page[0].views, page[0].code) == (3, "k9f2")
    rest, end = await driver.own_shares(cursor)
    assert ([each.id for each in rest], end) == (["S5"], None)
    assert script.paths == ["user/get", "share_link/search", "share_link/search"]
    assert script.calls[1].json["creators"] == ["u1"]
    assert script.calls[2].json["marker"] == "M2"


@pytest.mark.parametrize(
    "gone",
    [
        answered(b"", status=404, headers={"x-ca-error-code": "I404NF"}),
        refused(404, "NotFound.Route"),
    ],
)
async def test_the_older_call_is_asked_where_the_newer_is_not_known(gone):
    """And for every further page."""
    driver, script = drive(
        share_link__search=gone,
        share_link__list=[rows(row("S1"), marker="M2"), rows(row("S2"))],
    )
    page, cursor = await driver.own_shares(None)
    rest, end = await driver.own_shares(cursor)
    assert ([page[0].id, rest[0].id], end) == (["S1", "S2"], None)
    assert script.paths.count("share_link/search") == 1
    assert script.calls[-1].json["creator"] == "u1"
    assert script.calls[-1].json["include_cancelled"] is False


async def test_a_failure_is_no_reason_to_ask_the_older_call():
    """Nor is it an empty list."""
    driver, script = drive(share_link__search=answered(b"", status=500))
    with pytest.raises(ProviderFault):
        await driver.own_shares(None)
    assert "share_link/list" not in script.paths


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({"code": ""}, {"share_pwd": ""}),
        ({"code": "new!"}, {"share_pwd": "new!"}),
        ({"name": "n"}, {"share_name": "n"}),
        ({"never_expires": True}, {"expiration": ""}),
        ({"lifetime_s": 60.0}, {"expiration": "2026-11-22T11:22:04.000Z"}),
    ],
)
async def test_a_change_is_sent_alone(change, body):
    """What is absent stays."""
    driver, script = drive(share_link__update=answered(MADE))
    changed = await driver.update_share("S1", **change)
    assert script.calls[-1].json == {"share_id": "S1", **body}
    assert changed.id == "S1"


@pytest.mark.parametrize(
    "answer", [answered(b"", status=204), answered({}), answered(b""), answered(b"{}")]
)
async def test_a_share_is_ended_whatever_the_answer_holds(answer):
    """Nothing, an empty object, or nothing where something was promised."""
    driver, script = drive(share_link__cancel=answer)
    await driver.cancel_share("S1")
    assert script.calls[-1].json == {"share_id": "S1"}


async def test_a_share_that_is_not_there_cannot_be_ended():
    """Nor does the drive look as if it were over."""
    driver, _ = drive(share_link__cancel=refused(404, "NotFound.ShareLink"))
    with pytest.raises(NotFound, match="there is no share S1 of yours; see"):
        await driver.cancel_share("S1")


# --- saving others' -------------------------------------------------------------------------------


async def test_files_are_saved_with_both_tokens():
    """The login writes, the share's token reads; the target drive is always said."""
    driver, script = drive(
        file__copy=[
            answered({"file_id": "new1", "drive_id": "101"}, status=201),
            answered({"file_id": "new2", "async_task_id": "T1"}, status=202),
        ]
    )
    saving = await driver.save(LENT, [file("a"), folder("f1")], folder("target"))
    call = script.calls[-1]
    assert call.url == f"{API}/v2/file/copy"
    assert call.headers["Authorization"] == "Bearer AAA"
    assert call.headers["x-share-token"] == "ST9"
    assert call.json == {
        "share_id": "S9",
        "file_id": "f1",
        "to_drive_id": "101",
        "to_parent_file_id": "target",
        "auto_rename": True,
    }
    assert saving == Saving(tasks=["T1"], saved=["new1", "new2"])


def task(state, done=0, total=0, **more):
    """Return the state of a task."""
    told = {"state": state, "consumed_process": done, "total_process": total}
    return answered({"async_task_id": "T", **told, **more})


async def test_a_saving_is_followed_to_its_end():
    """The counts of all tasks together; states in any case."""
    driver, _ = drive(
        async_task__get=[
            task("Running", 1, 10),
            task("Running", 0, 5),
            task("succeed", 10, 10),
            task("Running", 2, 5),
            task("Succeed", 10, 10),
            answered({"status": "SUCCEED", "consumed_process": 5, "total_process": 5}),
        ]
    )
    saving = Saving(tasks=["T1", "T2"])
    seen = []
    while saving.tasks:
        saving = await driver.saving(saving)
        seen.append((saving.done, saving.total))
    assert seen == [(1, 15), (12, 15), (15, 15)]
    assert saving.failures == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            task("Failed", error_message="no\nspace"),
            "it was not saved; the reason: no space",
        ),
        (
            task("PartialSucceed", failed_process=2, error_code="X"),
            "2 files were not saved; the reason: X",
        ),
        (
            task("partialsucceed"),
            "some files were not saved; the reason: the provider gives none",
        ),
    ],
)
async def test_how_a_saving_failed_is_said(answer, words):
    """The vendor's own library forgets one of these ends and waits for ever."""
    driver, _ = drive(async_task__get=answer)
    ended = await driver.saving(Saving(tasks=["T1"], failures=["before"]))
    assert (ended.tasks, ended.failures) == ([], ["before", words])


async def test_a_task_that_counts_nothing_is_still_followed():
    """The counts are for people."""
    driver, _ = drive(async_task__get=answered({"state": "Running"}))
    saving = await driver.saving(Saving(tasks=["T1"]))
    assert (saving.tasks, saving.done, saving.total) == (["T1"], None, None)


COPIED = answered({"file_id": "new1"}, status=201)
MISSING = refused(404, "NotFound.File")


async def test_one_file_that_cannot_be_saved_does_not_keep_the_others():
    """It is named in the result."""
    driver, script = drive(file__copy=[COPIED, MISSING, COPIED])
    saving = await driver.save(LENT, [file("a"), file("b"), file("c")], folder())
    assert len(saving.saved) == 2
    assert saving.failures == ['"b": there is no such file or folder (HTTP 404, NotFound.File)']
    assert script.paths.count("file/copy") == 3


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (MISSING, NotFound),
        (refused(400, "ShareLink.Expired"), Changed),
        (refused(403, "ForbiddenNoPermission.File"), Denied),
    ],
)
async def test_what_keeps_the_only_file_from_being_saved_is_raised(answer, kind):
    """The share's end is not the drive's."""
    driver, _ = drive(file__copy=answer)
    with pytest.raises(kind):
        await driver.save(LENT, [file("a")], folder())


async def test_what_ends_all_is_asked_no_more():
    """What was begun is told, since it goes on at the provider."""
    over = refused(400, "ShareLink.Cancelled")
    driver, script = drive(file__copy=[COPIED, over])
    saving = await driver.save(LENT, [file("a"), file("b"), file("c")], folder())
    assert saving.saved == ["new1"]
    assert "was cancelled" in saving.failures[0]
    assert script.paths.count("file/copy") == 2
    driver, script = drive(file__copy=over)
    with pytest.raises(Changed):
        await driver.save(LENT, [file("a"), file("b")], folder())
    assert script.paths.count("file/copy") == 1
