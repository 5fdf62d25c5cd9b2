"""The traps of 115 (wire: 115 §0), each with the tests that are about it, by name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLACES = (HERE, HERE.parent / "p115_share", HERE.parents[1] / "mount")

TRAPS = {
    "§0.1 types are not stable, ids are long, sizes are fractions": [
        "test_ids_of_19_digits_stay_exact_as_text_and_as_number",
        "test_an_id_that_came_as_a_float_is_no_id",
        "test_a_count_that_is_text_is_a_count",
        "test_sizes_come_in_every_type",
        "test_space_is_a_number_of_any_type",
        "test_a_healthy_state_is_a_number_or_a_text",
        "test_each_state_has_its_own_sentence",
        "test_a_state_that_only_the_details_tell_counts",
        "test_times_are_unix_seconds_or_a_clock_in_beijing",
    ],
    "§0.2 state has three dialects, and code and text may be swapped": [
        "test_a_success_is_a_success_in_every_dialect",
        "test_code_and_text_are_found_whatever_they_are_called",
        "test_every_block_opens_the_breaker",
    ],
    "§0.3 an unknown folder is the root": [
        "test_a_folder_that_is_not_there_is_not_the_root",
        "test_the_echoed_folder_may_be_text_or_number",
        "test_an_offset_that_went_back_is_an_error",
        "test_a_mounted_folder_that_is_gone_is_said_so",
        "test_a_file_cannot_be_listed",
        "test_the_rows_of_another_folder_are_not_taken_for_this_ones",
    ],
    "§0.4 the order that is asked for may be ignored": [
        "test_20130827_is_asked_again_in_the_order_that_it_names",
        "test_20130827_twice_is_an_error_not_a_loop",
        "test_an_order_that_is_given_instead_is_kept_to",
        "test_two_orders_in_one_listing_are_an_error",
        "test_in_an_order_that_moves_a_change_is_an_error",
        "test_an_entry_that_leaves_while_listing_does_not_hide_another",
    ],
    "§0.6 duplicate names are legal": [
        "test_equal_names_of_files_and_folders_are_entries_of_their_own",
    ],
    "§0.7 link calls are encrypted with a key whose private half nobody has": [
        "test_the_real_modulus_is_the_one_in_the_vectors",
        "test_what_is_asked_is_encoded_as_the_vectors_are",
        "test_what_is_answered_is_decoded_as_the_vectors_are",
    ],
    "§0.8 links are bound to agent and cookie, and to a few connections": [
        "test_a_link_comes_from_the_chrome_call_encrypted",
        "test_a_link_bound_to_a_cookie_lives_as_long_as_the_cookie",
        "test_of_several_cookies_the_one_of_the_object_is_kept",
        "test_a_link_whose_cookie_is_missing_is_asked_elsewhere",
        "test_a_link_says_how_many_connections_it_takes",
        "test_each_link_of_a_batch_has_the_cookie_of_its_object",
        "test_the_login_cookie_never_goes_with_a_link",
        "test_a_content_servers_refusal_is_read",
    ],
    "§0.9 being blocked looks like success of another kind": [
        "test_every_block_opens_the_breaker",
        "test_what_is_no_answer_of_the_api_is_judged_by_its_status",
        "test_a_block_stops_the_calls_and_the_tree_is_served_on",
        "test_a_new_folder_meets_the_open_breaker_at_once",
        "test_a_block_is_not_an_occasion_to_ask_elsewhere",
        "test_no_answer_about_the_cookie_loses_nothing",
        "test_a_folder_that_is_said_to_have_entries_and_sends_none_is_an_error",
        "test_what_is_no_listing_is_never_an_empty_folder",
    ],
    "§0.10 host names move": [
        "test_a_listing_that_is_gone_is_asked_elsewhere",
        "test_the_older_host_is_asked_where_the_newer_call_is_gone",
        "test_a_call_that_moved_is_asked_of_the_other_host",
        "test_hosts_of_an_emulator_are_signed_too",
    ],
    "§0.11 the User-Agent is a version check": [
        "test_an_old_agent_takes_the_version_of_the_newest_client",
        "test_an_agent_of_the_users_own_is_not_replaced",
    ],
}
"""§0.5 (an extension cannot be changed) is met by writing only; §0.12 is about a licence."""


def names():
    """Return the names of the tests in these places."""
    return {
        node.name
        for place in PLACES
        for path in place.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_has_its_tests(trap):
    """By name, in these folders."""
    assert TRAPS[trap]
    assert not set(TRAPS[trap]) - names()
