"""Scenes of share links: every situation of wire Cloudreve V4 §11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.replays.cloudreve_steps import BY_ID, jump, play, setting

if TYPE_CHECKING:
    from tests.emulators.replays.cloudreve_steps import Step
    from tests.emulators.replays.cloudreve_world import World


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


SCENES: dict[str, list[Step]] = {
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
        jump(2),
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
        play("share_list_user2", *BY_ID),
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
        setting(speed_limit=1 << 20),
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
        setting(guests_may_open_shares=False),
        "share_info_anonymous_not_allowed",
        "share_list_anonymous_not_allowed",
        "share_url_anonymous_not_allowed",
    ],
}
