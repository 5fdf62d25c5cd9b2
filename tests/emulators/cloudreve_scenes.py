"""What was recorded, in the order in which it makes sense, with what happened in between.

A scene is a list of steps on a fresh `World`: a name (or `Play`) replays that recording, a function
changes the world first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.emulators.cloudreve.users import Status

if TYPE_CHECKING:
    from tests.emulators.cloudreve_world import World
    from tests.emulators.messages import Request

# Why recordings of these names (or beginnings of names) are not replayed.
NOT_EMULATED = {
    "callback_": "storage providers' callbacks: only for policies that upload elsewhere",
    "dav_": "WebDAV accounts: fsmount speaks the API",
    "internal_proxy_": "the server as a proxy in front of S3",
    "list_policy_remote": "a folder on a slave node's policy",
    "list_policy_s3": "a folder on an S3 policy",
    "register": "making accounts",
    "remote_": "uploads to a slave node, remote downloads (reads from one: `constant-etag`)",
    "s3_": "uploads to and reads from S3 by presigned links",
    "workflow_": "tasks of the server",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """A recording that needs more than its name: a changed request, keys that may differ."""

    name: str
    change: Callable[[Request], Request] = lambda request: request
    free: frozenset[str] = frozenset()


def play(name: str, *free: str) -> Play:
    """A recording in which these keys (or headers) may differ."""
    return Play(name=name, free=frozenset(free))


Step = str | Play | Callable[["World"], object]


# Defect §6.2.4 was at work while these were recorded; it has a test of its own.
_FOREIGN = ("folder_summary", "extended_info")
# The listing was sorted by id; here ids follow from paths, not from the order of creation.
_BY_ID = ("name", "path", "size", "id", "primary_entity")


def _switch(name: str) -> Step:
    return lambda world: world.site.settings.switch(name, on=True)


def _setting(**values: object) -> Step:
    def step(world: World) -> None:
        for name, value in values.items():
            setattr(world.site.settings, name, value)

    return step


def _second_is(status: Status) -> Step:
    return lambda world: setattr(world.site.second, "status", status)


def _jump(seconds: float) -> Step:
    return lambda world: world.site.clock.jump(seconds)


def _ask(method: str, target: str, body: object = None) -> Step:
    return lambda world: world.ask(method, target, body)


def _make(path: str, content: bytes = b"", *, folder: bool = False) -> Step:
    return lambda world: world.make(path, content, folder=folder)


def _forged(request: Request) -> Request:
    sign = request.query["sign"]
    other = "A" if sign[0] != "A" else "B"
    return replace(request, query=request.query | {"sign": other + sign[1:]})


def _mixed(world: World) -> None:
    """Five folders whose names sort behind those of seven files."""
    for number in range(5):
        world.make(f"mix/z-dir{number}", folder=True)
    for number in range(7):
        world.make(f"mix/a-file{number}", b"x")


def _older_shares(world: World) -> None:
    """Shares that were there already, or whose source goes away."""
    world.share("LAIW", "docs", downloads=2)
    world.share("YOue", "many")
    world.share("GXtg", "n1")
    world.share("Erib", "docs")
    world.make("deleted.txt", b"x")
    world.share("DeFL", "deleted.txt")
    world.throw_away("deleted.txt", for_good=True)
    world.share("d5fQ", "big/random300m.bin")
    world.make("trashed.txt", b"x")
    world.share("VEcj", "trashed.txt")
    world.throw_away("trashed.txt")


def _visited(world: World) -> None:
    for share in world.site.shares.of_owner(world.site.owner):
        share.visited = 1


def _second_thumbnail_call(world: World) -> None:
    """Later calls link to the thumbnail under another name, which was not recorded."""
    recorded = "/api/v4/file/content/6ZFp/0/gradient.png.jpg?sign=SIGNATURE%3A1795350070"
    world.link(recorded, "pics/gradient.png", name="gradient.png.jpg")


def _deleted_with_link(world: World) -> None:
    world.make("tmp-del.txt", b"gone soon")
    recorded = "/api/v4/file/content/9mfP/0/tmp-del.txt?download=true&sign=SIGNATURE%3A1795350068"
    world.link(recorded, "tmp-del.txt")
    world.throw_away("tmp-del.txt", for_good=True)


def _trash_name(recorded: str) -> Step:
    """Learn the opaque name of what was thrown away last."""

    def step(world: World) -> None:
        *_, name = world.site.trash.items(world.site.owner)
        world.replay.learn(recorded, name)

    return step


def _bin_it(world: World) -> None:
    world.make("bin-it.txt", b"x")
    world.throw_away("bin-it.txt")


def _wrong_size(world: World) -> None:
    """A file of 5000 bytes, overwritten with 10, then set back."""
    path = "/api/v4/file/content?uri=cloudreve%3A%2F%2Fmy%2Fw%2Fvv.bin"
    world.ask("PUT", path, b"v" * 5000)
    node = world.node("w/vv.bin")
    old = world.site.ids["entity"].encode(node.entities[0].number)
    world.ask("PUT", path, b"v" * 10)
    body = {"uri": "cloudreve://my/w/vv.bin", "version": old}
    world.ask("POST", "/api/v4/file/version/current", body)
    recorded = "/api/v4/file/content/krzud/0/vv.bin?download=true&sign=SIGNATURE%3A1795350454"
    world.link(recorded, "w/vv.bin")


def _holes(world: World) -> None:
    """Uploads that go on while a version of multi.bin is uploaded."""
    world.make("u/ooo.bin", bytes(2_109_497))
    world.make("u/zero.bin")
    world.begin_upload("ff37f8d2-e568-429b-ad34-fa58cfb9e42f", "u/hole.bin", 4 << 20)
    for index in (0, 1):
        session = world.replay.known["ff37f8d2-e568-429b-ad34-fa58cfb9e42f"]
        world.ask("POST", f"/api/v4/file/upload/{session}/{index}", bytes(1 << 20))


def _second_users_files(world: World) -> None:
    second = world.site.second
    shortcut = world.make("shortcut", folder=True, user=second)
    shortcut.metadata["sys:shared_redirect"] = "cloudreve://abTz@share"
    for name, size in (("remote.bin", 2_097_929), ("s3.bin", 5_247_201)):
        world.make(name, bytes(size), user=second)
    world.make("s3zero.bin", user=second).metadata["sys:upload_session_id"] = "somebody's"


def _empty_drive(world: World) -> None:
    token = world.site.tokens.issue(world.site.second)["access_token"]
    world.replay.learn("ACCESS_TOKEN_1", token)


SCENES: dict[str, list[Step]] = {
    "site": [
        "site_ping",
        "site_config_basic",
        "site_config_login",
        "site_config_explorer",
        "unknown_api_path",
        "unknown_method",
        "file_events",
    ],
    "captcha": [
        _switch("captcha"),
        "site_config_login_captcha_on",
        "captcha_get",
        "login_captcha_missing",
        "login_captcha_wrong",
    ],
    "sign-in": [
        "login_prepare",
        "login_prepare_unknown",
        "login_password",
        "login_unknown_email",
        "login_wrong_password",
        "login_bad_params",
        "user_me",
        "user_me_anonymous",
        "user_capacity",
        "user_setting",
    ],
    "second factor": [
        lambda world: setattr(world.site.second, "two_factor", True),
        "login_2fa_needed",
        "login_2fa_wrong",
        "login_2fa_bad_session",
        "login_2fa_ok",
    ],
    "blocked account": [
        _second_is(Status.BANNED),
        "login_banned",
        "user_me_banned",
        "list_banned_user_token",
        _second_is(Status.INACTIVE),
        "login_inactive",
    ],
    "refresh": [
        "list_my_refresh_token_as_access",
        "token_refresh",
        "token_refresh_old_again",
        "token_refresh_garbage",
        "token_refresh_with_access_token",
        lambda world: world.site.owner.change_password("another"),
        "token_refresh_after_password_change",
    ],
    "refresh token expired": [
        lambda world: world.site.tokens.expire("refresh"),
        "token_refresh_expired",
    ],
    "sign-out": [
        "logout_no_body",
        "logout",
        "token_refresh_after_logout",
        "access_token_after_logout",
    ],
    "access token expired": [
        "list_my_anonymous",
        "list_my_expired_access",
        "list_my_garbage_token",
        "file_info_expired_access",
        "file_url_expired_access",
        "file_delete_expired_access",
        "create_expired_access",
        "move_expired_access",
        "upload_create_expired_access",
        "user_me_expired_access",
    ],
    "listing": [
        "list_root",
        "list_unicode",
        play("list_empty_folder", "order", "order_direction"),
        "list_missing_folder",
        "list_missing_deep",
        "list_a_file",
        "list_bad_scheme",
        "list_unknown_fs",
        "list_no_uri",
        "list_page_negative",
        "list_bad_token",
        "list_many_page1",
        "list_many_page2",
        "list_many_page_number_only",
        play("list_order_unknown", *_BY_ID, "page_size"),
        "list_trash_empty",
        play("list_shared_with_me", "page_size", "order", "order_direction"),
        play("list_search", "page_size", "order", "order_direction"),
        _setting(allowed_suffixes=("txt",), max_file_bytes=1000),
        "list_policy_limited",
    ],
    "empty drive": [_empty_drive, "list_empty_root"],
    "offset paging": [
        _switch("offset-paging"),
        "list_many_offset_mode_page0",
        "list_many_offset_mode_page30",
        "list_many_offset_mode_past_end",
    ],
    "page border": [
        _mixed,
        _switch("page-border-loss"),
        "list_mix_page_full_of_folders",
        "list_mix_page2_files_lost",
    ],
    "shared view": [
        _switch("shared-default-view"),
        "list_many_page1",
        "list_page_size_huge",
        "list_page_size_negative",
        _ask(
            "GET", "/api/v4/file?uri=cloudreve://my&page_size=7&order_by=size&order_direction=desc"
        ),
        "list_defaults_leak_from_other_user",
    ],
    "info": [
        "info_file",
        "info_folder",
        "info_file_extended",
        "info_empty_file",
        "info_by_id",
        "info_by_id_bad",
        "info_missing",
        "info_case_differs",
        "info_file_as_dir",
        "info_root",
        "info_root_summary",
        "info_other_uid",
        "info_encoded_hash",
        "info_unencoded_hash",
        "info_unencoded_percent",
        play("info_raw_unicode", *_FOREIGN),
        _switch("folder-summary-500"),
        "info_folder_summary",
        "info_folder_summary_cached",
        "info_folder_summary_extended",
    ],
    "links": [
        "url_download",
        "url_again_cached",
        "url_preview",
        "url_no_cache",
        "url_two",
        "url_unicode",
        "url_empty_file",
        "url_folder",
        "url_missing",
        "url_one_missing",
        "url_one_missing_skip_error",
        "url_redirect",
        "url_no_uris",
        "url_entity_wrong",
        "url_with_context_hint",
        "url_archive",
        "archive_get",
        "archive_head",
        "source_link",
        "source_link_get",
        play("source_link_head", "content-type"),
        "source_link_bad",
        "source_link_folder",
    ],
    "content": [
        "url_download",
        "url_empty_file",
        "content_get",
        "content_gzip",
        "content_head",
        "content_head_range",
        "content_range_206",
        "content_range_open",
        "content_range_suffix",
        "content_range_past_end_partly",
        "content_range_416",
        "content_range_malformed",
        "content_range_multi",
        "content_if_match_mismatch",
        "content_if_none_match",
        "content_if_range_match",
        "content_if_range_mismatch",
        "content_empty",
        "content_empty_range",
        Play(name="content_bad_signature", change=_forged),
        "content_no_sign",
        "content_other_name",
        _deleted_with_link,
        "content_after_delete",
        "content_after_delete_range",
    ],
    "link expired": [
        _setting(link_life_s=2.0),
        "url_short_ttl",
        _jump(10),
        "content_expired_url_get",
        "content_expired_url_range",
        "content_expired_url_head",
    ],
    "thumbnails": [
        _switch("shared-default-view"),
        "list_many_page1",
        "thumb_png",
        _second_thumbnail_call,
        "thumb_content",
        # The thumbnail made here has another size than the recorded one.
        play("info_png_extended_after_thumb", "storage_used", "size"),
        "thumb_folder",
        "thumb_text",
        "thumb_broken_jpg",
        "thumb_broken_jpg_2",
        "list_pics_after_thumb",
    ],
    "shares": [
        "share_create_folder",
        "share_create_file",
        "share_create_password_own",
        "share_create_password_generated",
        "share_create_limit",
        "share_create_expiring",
        "share_create_root",
        "share_create_password_bad",
        "share_create_anonymous",
        _older_shares,
        "share_delete",
        _jump(2),
        "share_list_mine",
        "share_info_folder",
        "share_info_file",
        "share_info_pw",
        "share_info_pw_right",
        "share_info_pw_wrong",
        "share_info_pw_owner_no_password",
        "share_info_pwgen",
        "share_info_owner_extended",
        "share_info_many",
        "share_info_bigfile",
        "share_info_limit_file",
        "share_info_limit_folder",
        "share_info_expired",
        "share_info_cancelled",
        "share_info_src_deleted",
        "share_info_src_trashed",
        "share_info_bad_id",
        "share_short_link",
        "share_short_link_pw",
        "share_list_folder",
        "share_list_file",
        "share_list_pw",
        "share_list_pw_right",
        "share_list_pw_wrong",
        "share_list_pw_owner_without_password",
        "share_list_pwgen",
        "share_list_many",
        "share_list_bigfile",
        "share_list_deep",
        "share_list_limit_file",
        "share_list_limit_folder",
        "share_list_expired",
        "share_list_cancelled",
        "share_list_src_deleted",
        "share_list_src_trashed",
        "share_list_bad_id",
        "share_list_no_id",
        play("share_list_user2", *_BY_ID),
        "share_file_info",
        "share_file_info_extended_anonymous",
        "share_folder_info_root",
        "share_folder_summary_anonymous",
        "share_single_file_info",
        "share_single_file_info_root",
        "share_single_file_info_wrong_name",
        "share_subfolder_info_anonymous",
        "share_subfolder_summary_anonymous",
        "share_url_anonymous",
        "share_content_anonymous",
        "share_url_pw",
        "share_url_pw_missing",
        "share_url_single_file",
        "share_url_archive_anonymous",
        "share_info_limit_folder_after_3",
        "share_limit_url_1",
        "share_limit_url_2",
        "share_limit_url_3",
        "share_info_limit_used_up",
        "share_list_limit_used_up",
        lambda world: world.node("docs/hello.txt").metadata.update({"thumb:disabled": ""}),
        "share_thumb_anonymous",
        _setting(speed_limit=1 << 20),
        "url_with_speed_limit",
    ],
    "changes through a share": [
        "share_create_folder",
        "share_upload_anonymous",
        "share_upload_user2",
        "share_create_folder_anonymous",
        "share_create_folder_owner",
        "share_rename_anonymous",
        "share_delete_in_anonymous",
        "share_copy_to_my_user2",
        "share_shortcut_create",
        "share_shortcut_list_parent",
        "share_shortcut_list_into",
    ],
    "guests kept out": [
        "share_create_folder",
        _visited,
        _setting(guests_may_open_shares=False),
        "share_info_anonymous_not_allowed",
        "share_list_anonymous_not_allowed",
        "share_url_anonymous_not_allowed",
    ],
    "create and rename": [
        play("create_folder", *_FOREIGN),
        "create_folder_again",
        "create_folder_conflict",
        play("create_folder_conflict_wrong_field", *_FOREIGN),
        "create_file_over_folder",
        "create_folder_over_file",
        "create_under_file",
        "create_bad_type",
        "create_chained",
        "create_name_colon",
        "create_name_len256",
        "create_name_cjk86",
        "create_file_empty_ok",
        _switch("empty-file-500"),
        "create_file_empty_500",
        play("create_file_empty_500_then_info", *_FOREIGN),
        _make("w/r1.txt", b"xx"),
        _make("w/r2.txt", b"xx"),
        "rename",
        "rename_conflict",
        "rename_same_name",
        "rename_case_only",
        "rename_bad_name",
        "rename_unicode_unescaped_new_name",
        "rename_missing",
        "rename_root",
    ],
    "move, copy and delete": [
        _make("w/a/b", folder=True),
        _make("w/names", folder=True),
        _make("w/e.txt", b"xx"),
        _make("w/ul.txt", b"xx"),
        _make("w/R1-renamed.txt", b"xx"),
        "move_dst_missing",
        "move_dst_is_file",
        "move_missing_src",
        "move_into_itself",
        "move_same_dir",
        "move",
        _make("w/R1-renamed.txt", b"xx"),
        "move_conflict",
        "move_partial_conflict",
        "move_partial",
        "copy",
        "copy_conflict",
        "copy_folder",
        "info_copy",
        "delete_missing",
        "delete_partial",
        "delete_permanent",
        "delete_root",
        "delete_unlink_no_permission",
        "delete_unlink",
        "delete_soft",
        _trash_name("d5c45ae6-6fd7-48cc-8f7a-0efd4c2e4c13"),
        play("list_trash", *_FOREIGN),
        "restore",
        _bin_it,
        _trash_name("7d43d17e-9da2-4dbd-ac55-f1b050647250"),
        "delete_from_trash",
        _wrong_size,
        "version_size_mismatch_info",
        "version_size_mismatch_head",
    ],
    "upload": [
        "upload_bad_entity_type",
        "upload_negative_size",
        "upload_no_policy",
        "upload_unknown_policy",
        "upload_bad_name",
        _make("w", folder=True),
        "upload_session_create",
        "list_while_uploading",
        "info_while_uploading",
        "url_while_uploading",
        "upload_session_create_second",
        "upload_session_create_second_version",
        "rename_while_uploading",
        "move_while_uploading",
        "delete_while_uploading",
        "delete_parent_while_uploading",
        "create_sibling_while_uploading",
        "upload_chunk_0",
        "upload_chunk_0_again",
        "upload_chunk_wrong_length",
        "upload_chunk_chunked_encoding",
        "upload_chunk_index_too_big",
        "upload_chunk_negative",
        "upload_chunk_no_auth",
        "upload_chunk_other_user",
        "upload_chunk_1",
        "upload_chunk_last",
        "upload_chunk_after_complete",
        "info_after_upload",
        "upload_existing_without_entity_type",
        "upload_onto_folder",
        _holes,
        "upload_version_create",
        play("list_while_version_uploading", *_FOREIGN),
        "upload_version_chunk",
        "info_versions",
        "url_of_old_version",
        "version_set_current",
        "info_after_set_current",
        "version_bad",
        "version_delete_current",
        "version_delete",
        "upload_chunk_0_resent_after_chunk_1",
        "upload_chunk_2_after_truncation",
        "content_put",
        "content_put_stale",
        "content_put_new_file",
        "content_put_empty",
        "info_after_put_empty",
        _setting(max_edit_bytes=10),
        "content_put_too_big",
    ],
    "odd uploads": [
        "upload_missing_parent",
        "upload_session_size_0",
        "upload_size_0_chunk_0",
        "info_size_0",
        lambda world: world.begin_upload(
            "1a5aeb3d-3c3b-4be2-9dda-792bd59895dc", "u/ooo.bin", 2_109_497
        ),
        "upload_out_of_order_last_first",
        "upload_out_of_order_chunk_0_after",
        "info_out_of_order_result",
        lambda world: world.begin_upload(
            "21d4dd02-5424-4dc4-8164-92f257a6c2c6", "u/cancel.bin", 1 << 20
        ),
        "upload_session_delete",
        "upload_session_delete_again",
        "info_after_session_delete",
        _setting(chunk_bytes=0),
        "upload_session_chunk_size_0",
        "upload_one_chunk",
        _setting(capacity_bytes=1 << 30),
        "upload_quota",
        _setting(allowed_suffixes=("txt",), max_file_bytes=1000),
        "upload_ext_not_allowed",
        "upload_too_large",
    ],
    "locks": [
        lambda world: world.begin_upload(
            "902f194d-5c6e-4cf8-9660-d44dc6e76571",
            "u/stuck.bin",
            1 << 20,
            lock="d326a660-a645-4a67-ba32-b96b0e988295",
        ),
        "force_unlock_unknown_token",
        "force_unlock",
        "delete_after_unlock",
        "upload_chunk_after_delete",
        lambda world: world.begin_upload(
            "-", "u/other.bin", 1 << 20, lock="dcb1c4db-9102-4a52-b446-acb8d5901f35"
        ),
        "force_unlock_anonymous",
        lambda world: world.begin_upload(
            "b624f1de-59ec-4a35-a1b4-1fe4de24926a", "restart.bin", 100
        ),
        lambda world: world.site.locks.forget_all(),
        "upload_chunk_after_server_restart",
        "delete_stuck_after_restart",
    ],
    "version upload cancelled": [
        _make("u/multi.bin", b"old"),
        lambda world: world.begin_upload("2eb774a9-2406-4a1d-a6ad-1a6edd7cf4f7", "u/multi.bin", 11),
        "upload_version_session_delete",
    ],
    "relay": [
        _switch("relay"),
        _second_users_files,
        # Recorded with a relaying policy of type s3.
        play("relay_list", "storage_policy"),
        play("relay_upload_session_create", "name", "type"),
        "relay_chunk_0",
    ],
}
