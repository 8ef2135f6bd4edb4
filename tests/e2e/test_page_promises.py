"""Promises of the page, and the tests that fail without them."""

from __future__ import annotations

import pytest

from tests.embedded_service import ROOT

PROMISES = {
    "no number touches another, from 320 px to 3840 px and on paper": (
        "e2e/test_page_widths::test_no_number_touches_another",
        "e2e/test_page_widths::test_no_number_touches_another_on_paper",
        "e2e/test_page_widths::test_no_name_of_a_level_is_cut_off",
    ),
    "dark and light without a violation, and nothing that only a mouse reaches": (
        "e2e/test_page_access::test_first_page",
        "e2e/test_page_access::test_reading_desk",
        "e2e/test_page_access::test_refused_pair_and_unknown_job",
        "e2e/test_page_touch::test_numbers_vertebrae_and_films_answer_to_fingers",
    ),
    "films in their own resolution and depth, with the tools of a viewer": (
        "e2e/test_page_result::test_film_lies_under_its_drawing",
        "e2e/test_page_result::test_zoom_pan_window_and_invert",
        "e2e/test_page_result::test_one_to_one_shows_a_pixel_of_the_film_on_one_of_the_screen",
        "e2e/test_page_result::test_ruler_angle_and_cobb_by_mouse_and_keyboard",
        "e2e/test_page_result::test_full_screen_shows_films_and_3d_alone",
        "e2e/test_page_result::test_keys_are_listed_and_can_be_switched_off",
        "integration/test_pipeline_revision::test_films_are_kept_as_they_were_sent",
    ),
    "one height cursor through both films and 3D": (
        "e2e/test_page_result::test_height_cursor_runs_through_both_films",
    ),
    "films, 3D and numbers together on the screen": (
        "e2e/test_page_result::test_films_3d_and_numbers_are_on_the_screen_together",
        "e2e/test_page_widths::test_films_stay_in_sight_beside_any_number",
    ),
    "a chosen number is drawn on both films and in 3D with its error, a chosen vertebra shows its numbers": (
        "e2e/test_page_result::test_chosen_number_is_drawn_on_both_films_with_its_error",
        "e2e/test_page_result::test_numbers_are_chosen_by_keyboard_alone",
        "e2e/test_page_result::test_chosen_vertebra_shows_its_numbers",
        "e2e/test_page_scene::test_chosen_number_is_drawn_in_space",
        "e2e/test_page_scene::test_a_click_on_a_vertebra_chooses_it",
    ),
    "misfit is shown where it is": (
        "e2e/test_page_result::test_doubts_stand_at_the_top_with_what_would_cure_them",
        "e2e/test_page_result::test_film_less_fit_is_drawn_where_it_is_when_asked_for",
        "e2e/test_page_result::test_layers_can_be_switched",
        "e2e/test_page_result::test_quality_tells_poor_from_good",
        "e2e/test_page_scene::test_surface_error_is_the_colour_of_the_3d_view",
    ),
    "a refused pair shows its films and tries again": (
        "e2e/test_page_review::test_refused_pair_shows_films_and_tries_again",
        "e2e/test_page_review::test_refused_pair_takes_a_vertebra_pointed_out_on_each_film",
        "integration/test_service_review::test_refused_pair_shows_its_films_and_can_be_turned",
    ),
    "what was found can be corrected": (
        "e2e/test_page_review::test_landmark_is_dragged_moved_by_keys_removed_and_added",
        "e2e/test_page_review::test_a_vertebra_without_its_centre_is_left_out",
        "e2e/test_page_review::test_correction_makes_a_revision_beside_the_old_one",
        "integration/test_pipeline_revision::test_only_what_is_touched_moves",
        "integration/test_service_review::test_revision_becomes_current_and_the_old_one_stays",
    ),
    "two who edit at once lose nothing": (
        "e2e/test_page_review::test_two_who_correct_at_once_lose_nothing",
        "e2e/test_page_review::test_signing_what_has_changed_meanwhile_is_told",
    ),
    "a result is a draft until somebody accepts it, or rejects it with a reason": (
        "e2e/test_page_review::test_result_is_a_draft_until_somebody_signs",
        "e2e/test_page_review::test_rejection_needs_a_reason",
        "e2e/test_page_review::test_the_way_on_is_offered_first_and_the_present_state_is_not",
        "integration/test_service_review::test_sign_off",
    ),
    "a number is believed by its norm, its error and its source": (
        "e2e/test_page_result::test_what_stands_out_is_not_what_is_doubtful",
        "unit/export/test_report::test_only_what_stands_out_is_in_colour",
    ),
    "two examinations are compared": (
        "e2e/test_page_compare::test_two_postures_are_compared",
        "e2e/test_page_compare::test_both_spines_lie_on_each_other",
    ),
    "the report is one A4 page, the same as page and as sheet": (
        "e2e/test_report_print::test_printed_it_is_one_a4_page_with_the_numbers_of_the_sheet",
        "unit/export/test_report::test_both_forms_hold_the_same_numbers_and_those_of_the_result",
        "unit/export/test_report::test_both_forms_say_of_what_and_by_whom",
    ),
    "an examination has a reference and is found by it; erasing is not the first button": (
        "e2e/test_page_start::test_pair_is_sent_with_its_reference",
        "e2e/test_page_start::test_examinations_are_filtered_and_paged",
        "e2e/test_page_review::test_result_can_be_erased_but_not_by_the_first_button",
        "integration/test_service_review::test_reference_is_told_everywhere_and_checked",
        "integration/test_service_review::test_everybody_lists_their_own_and_admins_all",
    ),
    "a newcomer finds the demonstration pair, the template and the checker": (
        "e2e/test_page_start::test_demonstration_pair_and_template",
        "e2e/test_page_start::test_files_dropped_anywhere_are_sorted",
        "e2e/test_page_start::test_calibration_is_checked_when_it_is_chosen",
        "e2e/test_page_start::test_method_lies_under_advanced",
    ),
}


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_names_its_tests(promise):
    for name in PROMISES[promise]:
        module, test = name.split("::")
        assert f"\ndef {test}(" in (ROOT / f"tests/{module}.py").read_text(), name
