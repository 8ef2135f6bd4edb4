"""Checking, correcting, signing and erasing an examination on its page."""

from __future__ import annotations

import httpx
import pytest

from lumbar3d.anatomy import LEVELS
from lumbar3d.client import JobsClient
from lumbar3d.contracts import ReconstructOptions
from tests.e2e.conftest import drag, finished_job, watched_tab
from tests.e2e.fixture_engine import REJECT_METHOD, measurements

PATIENCE_MS = 120_000
DRAWN = "#film-lat canvas[data-drawn=native]"


@pytest.fixture(scope="module")
def desk(browser, service, pair):
    """The page of a job of this module's own: what its tests change, no other test sees."""
    with JobsClient(service) as client:
        job = finished_job(client, pair)
    with watched_tab(browser) as tab:
        tab.job = job
        tab.goto(f"{service}/view.html?job={job}")
        tab.wait_for_selector(DRAWN)
        yield tab


@pytest.fixture
def refused(page, service, pair):
    """The page of a pair that the engine has refused."""
    with JobsClient(service) as client:
        options = ReconstructOptions(method=REJECT_METHOD)
        job = client.submit((pair["ap"], pair["lat"]), pair["calibration"], options).id
        client.wait(job, lambda _status: None)
    page.goto(f"{service}/view.html?job={job}")
    page.wait_for_selector("#refused " + DRAWN)
    return page


def touch(service, job) -> None:
    """Somebody else signs meanwhile."""
    url = f"{service}/jobs/{job}"
    body = {"state": "draft", "name": "somebody else", "reason": "to look again"}
    httpx.put(f"{url}/review", json=body, headers={"If-Match": httpx.get(url).headers["etag"]}).raise_for_status()


def test_result_is_a_draft_until_somebody_signs(desk):
    assert "nobody has signed" in desk.inner_text("#review-text")
    desk.fill("#sign input[name=name]", "Dr A. Reader")
    desk.click("#sign button:text-is('Accept')")
    desk.wait_for_selector("#sign .pill:text-is('Accepted')")
    assert "Accepted by Dr A. Reader" in desk.inner_text("#review-text")
    assert desk.locator("header .pill:text-is('Accepted')").count() == 1


def test_the_way_on_is_offered_first_and_the_present_state_is_not(desk):
    """After ``test_result_is_a_draft_until_somebody_signs``, and back to where it left the page."""
    buttons = desk.locator("#sign button")
    assert buttons.all_inner_texts() == ["Reject", "Back to draft"]
    desk.click("#sign button:text-is('Back to draft')")
    desk.wait_for_selector("#sign .pill:text-is('Draft')")
    assert buttons.all_inner_texts() == ["Accept", "Reject"]
    assert "primary" in (buttons.first.get_attribute("class") or "")
    desk.click("#sign button:text-is('Accept')")
    desk.wait_for_selector("#sign .pill:text-is('Accepted')")


def test_rejection_needs_a_reason(desk):
    desk.expected_faults.append("422")
    desk.click("#sign button:text-is('Reject')")
    desk.wait_for_selector("#sign .problem")
    desk.fill("#sign input[name=reason]", "L5 is not followed")
    desk.click("#sign button:text-is('Reject')")
    desk.wait_for_selector("#sign .pill:text-is('Rejected')")
    assert "L5 is not followed" in desk.inner_text("#review-text")


def test_signing_what_has_changed_meanwhile_is_told(desk, service):
    desk.expected_faults.append("412")
    touch(service, desk.job)
    desk.click("#sign button:text-is('Accept')")
    desk.get_by_text("It has been read again").wait_for()
    desk.wait_for_selector("#sign .pill:text-is('Draft')")
    assert "somebody else" in desk.inner_text("#review-text")


def test_landmark_is_dragged_moved_by_keys_removed_and_added(desk):
    desk.click("#correct button:text-is('Correct what was found')")
    assert desk.locator("#film-ap .handle.is-centre").count() == len(LEVELS)
    drag(desk, desk.locator("[data-handle='lat L1 sup_endplate_centre'] .grip"), 30.0, -10.0)
    assert "L1 upper end plate placed on the lateral film" in desk.inner_text("#edits")
    desk.focus("[data-handle='ap L3 centre']")
    desk.keyboard.press("ArrowRight")
    assert "L3 moved on the AP film" in desk.inner_text("#edits")
    desk.focus("[data-handle='lat L3 pedicle_left']")
    desk.keyboard.press("Delete")
    assert desk.locator("[data-handle='lat L3 pedicle_left']").count() == 0
    desk.click("button[aria-label='Add AP: spinous process']")
    desk.click("#film-ap", position={"x": 80, "y": 200})
    assert desk.locator("[data-handle='ap L3 sp_tip']").count() == 1
    assert desk.locator("#edits li").count() == 4
    desk.click("button:text-is('Undo the last')")
    assert desk.locator("[data-handle='ap L3 sp_tip']").count() == 0
    desk.click("button[aria-label='Add AP: spinous process']")
    for key in ("ArrowDown", "Enter"):
        desk.keyboard.press(key)
    assert desk.locator("[data-handle='ap L3 sp_tip']").count() == 1, "by the keyboard alone: the film has its keys"
    desk.click("button:text-is('Undo the last')")


def test_a_vertebra_without_its_centre_is_left_out(desk):
    desk.focus("[data-handle='lat L2 centre']")
    desk.keyboard.press("Delete")
    assert desk.locator("[data-handle='ap L2 centre']").count() == 0
    assert "only L1, L3, L4, L5 kept" in desk.inner_text("#edits")
    desk.click("button:text-is('Undo the last')")
    assert desk.locator("[data-handle='ap L2 centre']").count() == 1


def test_correction_makes_a_revision_beside_the_old_one(desk):
    desk.uncheck("#correct input[type=checkbox] >> nth=4")
    desk.fill("#correct input[name=name]", "Dr B. Checker")
    desk.click("#recalculate")
    desk.get_by_text("revision 2").first.wait_for(timeout=PATIENCE_MS)
    desk.wait_for_selector("#film-lat .outline-before")
    heights = desk.inner_text("td[data-code=disc_height_middle][data-target='L1/L2']")
    assert "10.7" in heights and "was 10.2" in heights
    assert desk.locator("#film-ap .level").count() == len(LEVELS) - 1
    assert "Dr B. Checker" in desk.inner_text("#revisions") and "only L1, L2, L3, L4 kept" in desk.inner_text(
        "#revisions"
    )
    assert desk.locator("#edits").count() == 0
    assert "nobody has signed" in desk.inner_text("#review-text"), "a new revision is a draft again"


def test_two_who_correct_at_once_lose_nothing(desk, service):
    if not desk.locator("#recalculate").is_visible():
        desk.click("#correct button:text-is('Correct what was found')")
    desk.click("button:text-is('One lower (L3 is L4)')")
    touch(service, desk.job)
    desk.fill("#correct input[name=name]", "Dr B. Checker")
    desk.click("#recalculate")
    desk.get_by_text("your corrections are kept").wait_for()
    assert "all levels named one lower" in desk.inner_text("#edits")
    desk.click("#recalculate")
    desk.get_by_text("revision 3").first.wait_for(timeout=PATIENCE_MS)


def test_refused_pair_shows_films_and_tries_again(refused):
    text = refused.inner_text("#problem")
    assert "no lumbar vertebrae were found" in text and "rejected" in text
    assert refused.locator("#film-ap .handle").count() == len(LEVELS)
    assert "L1 90 %" in refused.inner_text("#film-lat")
    assert refused.locator("#try-again button").count() == 5
    refused.click("#try-again button:text-is('Exchange AP and lateral')")
    refused.wait_for_selector("#result", timeout=PATIENCE_MS)
    assert "revision 2" in refused.inner_text("header")
    assert refused.locator("td[data-code]").count() == len(measurements())


def test_refused_pair_takes_a_vertebra_pointed_out_on_each_film(refused):
    assert refused.locator("#look-there").is_disabled()
    refused.select_option("#prompt-level", "L3")
    refused.click("#film-ap", position={"x": 150, "y": 150})
    assert refused.locator("#film-ap [data-prompt=L3]").count() == 1
    refused.focus("#film-lat")
    for key in ("Shift+ArrowUp", "ArrowRight", "Enter"):
        refused.keyboard.press(key)
    assert refused.locator("#film-lat [data-prompt=L3]").count() == 1, "by the keyboard alone"
    words = refused.inner_text("#look-there")
    assert "AP film shows L3" in words and "lateral film shows L3" in words
    with refused.expect_request("**/revisions") as sent:
        refused.click("#look-there")
    assert [edit["view"] for edit in sent.value.post_data_json["edits"]] == ["ap", "lat"]
    refused.wait_for_selector("#result", timeout=PATIENCE_MS)


def test_result_can_be_erased_but_not_by_the_first_button(page, service, pair):
    with JobsClient(service) as client:
        job = finished_job(client, pair)
    page.goto(f"{service}/view.html?job={job}")
    page.wait_for_selector(DRAWN)
    assert not page.locator("#remove").is_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#actions summary")
    page.click("#remove")
    page.wait_for_selector("#submit-form")
    page.expected_faults.append("404")
    page.goto(f"{service}/view.html?job={job}")
    page.wait_for_selector("#problem")
    assert "job_not_found" in page.inner_text("#problem")


def test_polling_takes_over_when_the_event_stream_breaks(page, service, pair):
    page.expected_faults.append("net::ERR_FAILED")
    page.route("**/events", lambda route: route.abort())
    with JobsClient(service) as client:
        job = client.submit((pair["ap"], pair["lat"]), pair["calibration"], ReconstructOptions()).id
    page.goto(f"{service}/view.html?job={job}")
    page.wait_for_selector(DRAWN)
