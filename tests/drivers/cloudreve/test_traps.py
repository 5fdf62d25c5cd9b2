"""The traps of Cloudreve's protocol, and where each is shown to be stepped around.

The tests of a trap are named after the section of the wire reference that tells of it. This is the
index: every trap that a reader can meet, in words, with its tests, and a test that holds it to the
truth. Traps of writing are not met yet (§18.4, 5, 11 and 12; §9, and §10 but uploads in sight).
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent

SECTIONS = {
    "§2 false is left out": [
        "test_s2_a_captcha_that_is_off_is_a_flag_that_is_missing",
    ],
    "§3 a captcha or a second factor stops a password, never a refresh token": [
        "test_s3_a_renewal_never_asks_for_a_captcha",
        "test_s3_what_needs_a_person_says_how_to_go_on",
        "test_captcha_and_second_factor_end_in_a_token_that_lists",
        "test_a_misread_captcha_brings_a_new_picture",
    ],
    "§4 an expired token is the anonymous user": [
        "test_s4_an_expired_token_in_a_drive_shows_as_401",
        "test_s4_an_expired_token_in_a_batch_is_401_inside_40081",
        "test_s4_an_upload_answers_an_expired_token_with_40011",
        "test_s4_an_expired_token_in_a_share_is_silent_so_it_is_renewed_ahead",
        "test_s4_an_expired_token_in_the_middle_of_a_file_is_not_noticed",
        "test_s4_a_refresh_token_in_the_place_of_an_access_token_is_40020",
    ],
    "§4 a blocked account looks like a broken database": [
        "test_s4_a_blocked_account_looks_like_a_broken_database",
        "test_a_blocked_account_is_renewed_to_be_sure",
    ],
    "§4 nothing rotates; what kills a refresh token; access tokens cannot be revoked": [
        "test_s4_nothing_rotates_so_renewal_goes_on_when_nothing_can_be_written",
        "test_s4_a_dead_refresh_token_is_replaced_where_the_password_is_known",
        "test_s4_a_changed_password_kills_every_refresh_token",
        "test_s4_signing_out_ends_the_family_but_not_the_access_token",
        "test_s4_equal_access_tokens_of_one_second_are_no_session_key",
    ],
    "§5 %, # and ? in names; dots climb; names are not normalised": [
        "test_s5_percent_hash_and_question_mark_reach_the_file_they_are_in",
        "test_s5_a_root_with_such_a_name_can_be_mounted_as_the_browser_gives_it",
        "test_s5_dots_cannot_climb",
        "test_s5_names_that_look_alike_are_several_files",
        "test_s5_a_users_own_id_names_the_own_drive_and_anothers_is_denied",
        "test_s5_a_code_is_escaped_inside_the_uri",
    ],
    "§6.1 two kinds of paging, sizes capped in silence": [
        "test_s6_1_the_page_size_is_capped_silently",
        "test_s6_1_pages_by_number_have_a_total_and_no_token",
        "test_s6_1_paging_that_is_switched_in_the_middle_loses_nothing",
    ],
    "§6.2.1 files lost at a page border": [
        "test_s6_2_1_files_behind_a_page_that_ends_with_the_last_folder_are_not_lost",
        "test_the_recorded_border_that_loses_files_is_seen",
    ],
    "§6.2.2 an order that repeats entries for ever": [
        "test_s6_2_2_the_order_that_repeats_entries_is_never_asked_for",
        "test_a_token_that_leads_to_itself_is_an_error",
    ],
    "§6.2.3 parameters left out are somebody else's": [
        "test_s6_2_3_what_others_asked_for_last_changes_nothing_here",
        "test_size_order_and_direction_always_go_along",
    ],
    "§6.2.4 fields of other objects": [
        "test_s6_2_4_fields_of_other_objects_are_not_taken_for_ones_own",
        "test_a_file_has_no_size_of_a_folder",
    ],
    "§6.3 uploads in progress, shortcuts, the trash": [
        "test_s6_3_a_new_file_is_hidden_until_it_is_whole",
        "test_s6_3_a_good_file_stays_while_it_gets_a_new_version",
        "test_s6_3_a_shortcut_to_a_share_is_followed_and_never_in_circles",
        "test_s6_3_the_trash_cannot_be_mounted",
    ],
    "§6.4 a file that is listed is answered as if it were missing": [
        "test_s6_4_listing_a_file_is_answered_as_if_it_were_missing",
    ],
    "§7 roots, folder sizes, times that move, sizes that are wrong": [
        "test_s7_a_root_is_described_by_its_listing_only",
        "test_s7_a_second_folder_summary_is_a_panic_that_means_unknown",
        "test_s7_any_other_empty_500_is_still_a_fault",
        "test_s7_the_size_of_a_shared_folder_is_the_owners_alone",
        "test_s7_the_time_moves_by_itself_and_the_version_does_not",
        "test_s7_a_size_that_the_listing_gets_wrong_is_repaired",
    ],
    "§8 links: the site they name, their cached life, batches that fail as a whole": [
        "test_s8_links_name_the_configured_site_not_the_host_that_was_called",
        "test_s8_a_cached_link_may_be_near_its_end",
        "test_s8_one_bad_file_does_not_fail_the_links_of_the_others",
        "test_s8_opening_and_reading_ask_for_a_link_once",
    ],
    "§8.1 content: errors as HTTP 200, only a 206 is bytes, ETags that prove nothing": [
        "test_s8_1_an_expired_link_is_http_200_and_json_also_to_a_range",
        "test_s8_1_a_bad_signature_is_http_200_and_json_too",
        "test_s8_1_a_version_that_is_gone_is_a_changed_file_never_a_mix",
        "test_s8_1_only_a_206_with_the_asked_range_is_taken",
        "test_s8_1_an_empty_file_is_http_200_to_any_range",
        "test_s8_1_one_etag_for_all_files_proves_nothing_and_harms_nothing",
        "test_only_calls_of_the_sites_api_are_signed",
    ],
    "§8.2 thumbnails move the time, and fail in two ways": [
        "test_s8_2_a_thumbnail_moves_the_time_and_not_the_version",
        "test_s8_2_a_file_without_a_thumbnail_fails_in_two_ways",
        "test_pictures_and_sizes_are_never_asked_by_themselves",
    ],
    "§11 shares of one file, their downloads, details that show the password": [
        "test_s11_each_link_of_a_single_file_share_costs_one_of_its_downloads",
        "test_s11_a_share_whose_downloads_are_used_up_is_gone_while_its_link_lives",
        "test_s11_a_share_of_one_file_is_a_folder_with_that_file",
        "test_s11_details_of_a_locked_share_succeed_and_show_its_password",
    ],
}

SHORT = {
    1: ["§8.1"],
    2: ["§4"],
    3: ["§6.1", "§6.2.1", "§6.2.3"],
    6: ["§6.3"],
    7: ["§7"],
    8: ["§6.2.4", "§7"],
    9: ["§11"],
    10: ["§6.2.3"],
}
"""The short list (§18): those of its twelve traps that a reader can meet."""


def names_in(*paths):
    """Return the names of the tests in these modules."""
    return {
        node.name
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


@pytest.mark.parametrize("trap", SECTIONS)
def test_every_trap_has_its_tests(trap):
    """By name, in this folder."""
    assert SECTIONS[trap]
    missing = set(SECTIONS[trap]) - names_in(*HERE.glob("test_*.py"))
    assert not missing


def test_the_short_list_is_covered():
    """Each of its traps is one of the sections'."""
    known = {trap.partition(" ")[0] for trap in SECTIONS}
    assert {section for sections in SHORT.values() for section in sections} <= known


def test_no_test_of_a_trap_is_missing_here():
    """A test that is named after a section stands in the index under that section."""
    for name in names_in(*HERE.glob("test_traps_*.py")):
        number = re.match(r"test_s(\d+(?:_\d+)*)_", name)
        assert number, f"{name} does not say which section it is about"
        section = f"§{number[1].replace('_', '.')} "
        assert any(name in tests for trap, tests in SECTIONS.items() if trap.startswith(section)), (
            f"{name} is not in the index"
        )
