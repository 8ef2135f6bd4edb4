"""The page while a job waits, runs, is cancelled or fails."""

from __future__ import annotations

import pytest

from lumbar3d.client import JobsClient
from lumbar3d.contracts import ReconstructOptions
from tests.embedded_service import running_service


@pytest.fixture
def trouble(tmp_path):
    folder = tmp_path / "trouble"
    folder.mkdir()
    return folder


@pytest.fixture
def service(tmp_path, trouble):
    """Address of a service whose engine does what a file in ``trouble`` says."""
    with running_service("tests.tiny_embedded", tmp_path, {"TINY_ENGINE_DIR": str(trouble)}) as running:
        yield running.url


@pytest.fixture
def submit(service, pair):
    """Submit a pair; gives the address of its page."""
    with JobsClient(service) as client:
        images = (pair["ap"], pair["lat"])
        yield lambda: client.page(client.submit(images, pair["calibration"], ReconstructOptions()).id)


def test_stage_queue_and_cancel(page, trouble, submit):
    (trouble / "hold").touch()
    running, waiting = submit(), submit()
    page.goto(running)
    page.get_by_text("Fit shape and pose, 50 % done.").wait_for()
    assert page.get_attribute("#stages li[aria-current=step]", "class") == "current"
    assert page.locator("#stages .done").count() == 3
    assert page.evaluate("document.querySelector('#progress-bar').value") == 0.5
    assert page.get_by_text("Not a medical device").is_visible()

    page.goto(waiting)
    page.get_by_text("Waiting for a worker: place 1 in the queue.").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#remove")
    page.get_by_text("The job was cancelled").first.wait_for()
    page.goto(running)
    page.click("#remove")
    page.get_by_text("The job was cancelled").first.wait_for()
    assert page.locator("#progress").is_hidden()


def test_failed_job_shows_code_and_advice(page, trouble, submit):
    (trouble / "fail").write_text("ViewMismatchError")
    page.goto(submit())
    page.wait_for_selector("#problem", state="visible")
    text = page.inner_text("#problem")
    assert "view_mismatch" in text and "as the test asked" in text and "were not swapped" in text


def test_refused_request_stays_on_the_form_and_names_the_field(page, service, pair, tmp_path):
    wrong = tmp_path / "calibration.json"
    wrong.write_text(pair["calibration"].read_text().replace('"source_mm"', '"source_cm"', 1))
    page.expected_faults.append("422")
    page.goto(service)
    for name, path in {**pair, "calibration": wrong}.items():
        page.set_input_files(f"#{name}", path)
    page.click("#submit-button")
    page.wait_for_selector("#submit-error", state="visible")
    text = page.inner_text("#submit-error")
    assert "invalid_calibration" in text and "/ap" in text and "source_mm field required" in text
    assert page.locator("#submit-button").is_enabled()
