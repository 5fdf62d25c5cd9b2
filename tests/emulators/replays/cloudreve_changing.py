"""Scenes of writing: creating, renaming, moving, deleting, uploading, locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.replays.cloudreve_steps import FOREIGN, make, play, setting, switch

if TYPE_CHECKING:
    from tests.emulators.replays.cloudreve_steps import Step
    from tests.emulators.replays.cloudreve_world import World


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


SCENES: dict[str, list[Step]] = {
    "create and rename": [
        play("create_folder", *FOREIGN),
        "create_folder_again",
        "create_folder_conflict",
        play("create_folder_conflict_wrong_field", *FOREIGN),
        "create_file_over_folder",
        "create_folder_over_file",
        "create_under_file",
        "create_bad_type",
        "create_chained",
        "create_name_colon",
        "create_name_len256",
        "create_name_cjk86",
        "create_file_empty_ok",
        switch("empty-file-500"),
        "create_file_empty_500",
        play("create_file_empty_500_then_info", *FOREIGN),
        make("w/r1.txt", b"xx"),
        make("w/r2.txt", b"xx"),
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
        make("w/a/b", folder=True),
        make("w/names", folder=True),
        make("w/e.txt", b"xx"),
        make("w/ul.txt", b"xx"),
        make("w/R1-renamed.txt", b"xx"),
        "move_dst_missing",
        "move_dst_is_file",
        "move_missing_src",
        "move_into_itself",
        "move_same_dir",
        "move",
        make("w/R1-renamed.txt", b"xx"),
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
        play("list_trash", *FOREIGN),
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
        make("w", folder=True),
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
        play("list_while_version_uploading", *FOREIGN),
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
        setting(max_edit_bytes=10),
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
        setting(chunk_bytes=0),
        "upload_session_chunk_size_0",
        "upload_one_chunk",
        setting(capacity_bytes=1 << 30),
        "upload_quota",
        setting(allowed_suffixes=("txt",), max_file_bytes=1000),
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
        make("u/multi.bin", b"old"),
        lambda world: world.begin_upload("2eb774a9-2406-4a1d-a6ad-1a6edd7cf4f7", "u/multi.bin", 11),
        "upload_version_session_delete",
    ],
    "relay": [
        switch("relay"),
        _second_users_files,
        # Recorded with a relaying policy of type s3.
        play("relay_list", "storage_policy"),
        play("relay_upload_session_create", "name", "type"),
        "relay_chunk_0",
    ],
}
