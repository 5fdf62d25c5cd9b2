"""Scenes of reading: the site, sign-in, tokens, listings, info, links, content, thumbnails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.emulators.cloudreve.users import Status
from tests.emulators.replays.cloudreve_steps import (
    BY_ID,
    FOREIGN,
    Play,
    ask,
    jump,
    play,
    second_is,
    setting,
    switch,
)

if TYPE_CHECKING:
    from tests.emulators.messages import Request
    from tests.emulators.replays.cloudreve_steps import Step
    from tests.emulators.replays.cloudreve_world import World


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


def _second_thumbnail_call(world: World) -> None:
    """Later calls link to the thumbnail under another name, which was not recorded."""
    recorded = "/api/v4/file/content/6ZFp/0/gradient.png.jpg?sign=SIGNATURE%3A1795350070"
    world.link(recorded, "pics/gradient.png", name="gradient.png.jpg")


def _deleted_with_link(world: World) -> None:
    world.make("tmp-del.txt", b"gone soon")
    recorded = "/api/v4/file/content/9mfP/0/tmp-del.txt?download=true&sign=SIGNATURE%3A1795350068"
    world.link(recorded, "tmp-del.txt")
    world.throw_away("tmp-del.txt", for_good=True)


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
        switch("captcha"),
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
        second_is(Status.BANNED),
        "login_banned",
        "user_me_banned",
        "list_banned_user_token",
        second_is(Status.INACTIVE),
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
        play("list_order_unknown", *BY_ID, "page_size"),
        "list_trash_empty",
        play("list_shared_with_me", "page_size", "order", "order_direction"),
        play("list_search", "page_size", "order", "order_direction"),
        setting(allowed_suffixes=("txt",), max_file_bytes=1000),
        "list_policy_limited",
    ],
    "empty drive": [_empty_drive, "list_empty_root"],
    "offset paging": [
        switch("offset-paging"),
        "list_many_offset_mode_page0",
        "list_many_offset_mode_page30",
        "list_many_offset_mode_past_end",
    ],
    "page border": [
        _mixed,
        switch("page-border-loss"),
        "list_mix_page_full_of_folders",
        "list_mix_page2_files_lost",
    ],
    "shared view": [
        switch("shared-default-view"),
        "list_many_page1",
        "list_page_size_huge",
        "list_page_size_negative",
        ask(
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
        play("info_raw_unicode", *FOREIGN),
        switch("folder-summary-500"),
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
        setting(link_life_s=2.0),
        "url_short_ttl",
        jump(10),
        "content_expired_url_get",
        "content_expired_url_range",
        "content_expired_url_head",
    ],
    "thumbnails": [
        switch("shared-default-view"),
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
}
