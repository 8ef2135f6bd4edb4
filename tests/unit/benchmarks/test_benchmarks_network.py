"""The network's benchmarks measure what their tables say."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
import trimesh

from benchmarks import network_cost, network_names, network_real, network_real_report, network_report
from benchmarks.network_measure import ViewTruth, measure, misnamed, summary
from benchmarks.network_names import Tally
from benchmarks.network_real import RealPairAnswer
from benchmarks.subject_films import exact_view
from benchmarks.subjects import RealSubject, Room
from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.errors import RejectedError
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.simulate import LabelledView

LEVEL_STEP_MM, ENDS_MM = 36.0, 14.0


def box(middle: np.ndarray) -> TriangleMesh:
    made = trimesh.creation.box((40.0, 40.0, 2 * ENDS_MM))
    return TriangleMesh(np.asarray(made.vertices) + middle, np.asarray(made.faces, dtype=np.int32))


@pytest.fixture(scope="module")
def subject() -> RealSubject:
    """Five boxes above each other, landmarks inside them."""
    calibration = Room(columns=256).calibration()
    middles = {level: np.array([0.0, 0.0, LEVEL_STEP_MM * (2 - row)]) for row, level in enumerate(LEVELS)}
    offsets = [[0, 0, ENDS_MM], [0, 0, -ENDS_MM], [0, 9, 0], [0, -9, 0], [-5, 5, 0], [-5, -5, 0], [-9, 0, 0]]
    return RealSubject(
        name="boxes",
        levels=LEVELS,
        meshes_world={level: box(middle) for level, middle in middles.items()},
        landmarks_world={level: middle + np.array(offsets, dtype=float) for level, middle in middles.items()},
        posterior_masks={},
        deformed_levels=frozenset(),
        calibration=calibration,
        geometry=build_geometry(calibration),
    )


@pytest.fixture(scope="module")
def projection(subject: RealSubject) -> ConeBeam:
    return subject.geometry.ap


@pytest.fixture(scope="module")
def truth(subject: RealSubject, projection: ConeBeam) -> ViewTruth:
    return exact_view(subject, projection, CpuProjector())


def said(truth: ViewTruth, projection: ConeBeam, shift_px: float = 0.0) -> ViewDetection:
    """The truth with every landmark shifted along u, and a little too thin where it is thick."""
    thin = np.where(truth.decomposition > 0.5, 0.98 * truth.decomposition, truth.decomposition)
    landmarks = truth.landmarks_px + [shift_px, 0.0]
    shape = landmarks.shape[:2]
    covariance = np.tile(np.eye(2), (*shape, 1, 1))
    return ViewDetection(projection, thin, landmarks, np.ones(shape), np.ones(5), covariance)


def test_a_perfect_answer_has_no_error(truth: ViewTruth, projection: ConeBeam) -> None:
    measured = measure(truth, said(truth, projection))
    assert measured["dice"] == 1.0 and measured["mislabelled"] == 0
    assert measured["landmark_mm"].max() == 0.0
    inside = (truth.decomposition > 0.5).any(axis=0)
    assert measured["psnr_db"] > -20.0 * np.log10(0.02 * np.sqrt(inside.mean()))
    assert 0.99 < measured["ssim"] < 1.0


def test_landmark_errors_are_millimetres_at_the_landmark(truth: ViewTruth, projection: ConeBeam) -> None:
    measured = measure(truth, said(truth, projection, shift_px=2.0))
    at_isocentre = 2.0 * projection.pixel_spacing_mm[0] * 1050.0 / 1400.0
    assert measured["landmark_mm"][2, 2] == pytest.approx(at_isocentre, rel=1e-6)
    assert measured["landmark_mm"][2, 6] == pytest.approx(at_isocentre * (1.0 + 9.0 / 1050.0), rel=1e-6)
    table = summary([measured])
    assert table["landmark_all"]["sdr_2mm_percent"] == 0.0 and table["landmark_all"]["sdr_4mm_percent"] == 100.0


def test_a_landmark_that_is_not_to_be_measured_is_in_no_mean(truth: ViewTruth, projection: ConeBeam) -> None:
    landmarks = truth.landmarks_px.copy()
    landmarks[0, 2] = np.nan
    half = replace(truth, landmarks_px=landmarks)
    far = said(truth, projection)
    far.landmarks_px[0, 2] += 50.0
    assert summary([measure(half, far)])["landmark_transverse"]["mean_mm"] == 0.0
    assert summary([measure(truth, far)])["landmark_transverse"]["mean_mm"] > 1.0


def test_levels_one_too_low_are_named_wrongly(truth: ViewTruth) -> None:
    step = np.array([0.0, LEVEL_STEP_MM * 4 / 3 * 256 / 427])
    assert misnamed(truth.landmarks_px, truth.landmarks_px) == 0
    assert misnamed(truth.landmarks_px, truth.landmarks_px + step) == 4
    assert misnamed(truth.landmarks_px[:3], truth.landmarks_px + step) == 2


def test_a_refused_pair_is_counted_and_not_measured(truth: ViewTruth, projection: ConeBeam) -> None:
    views = (measure(truth, said(truth, projection, 2.0)),) * 2
    found = [RealPairAnswer("a", 0, views), RealPairAnswer("b", 0, refusal="no spine"), RealPairAnswer("a", 1, views)]
    everybody = network_real.grouped(found)
    people = {name: network_real.grouped([answer for answer in found if answer.subject == name]) for name in "ab"}
    refused = network_real.grouped([RealPairAnswer("ct", 0, refusal="cut off")])
    report = {"all": everybody, "people": people, "ct": refused, "assets": {}, "machine": {}}
    text = network_real_report.markdown(report)
    assert "| b | AP | 1 | 1 |\n" in text and "refused: b, exposure 0: no spine" in text
    assert "Everything was refused." in text.split("real CT")[1]
    assert "simulated" in text and "| all | 2.5" in text
    assert network_report.tables(everybody["ap"], everybody["lat"])[2].startswith("| dice | 1.000 | 1.000 |")


def test_none_named_wrongly_of_many_is_bounded_by_the_rule_of_three() -> None:
    found = Tally(500, (1, 503), (), {"no spine": 3, "too short": 1})
    assert found.answered == 496
    assert found.bound_percent() == pytest.approx(100 * 3 / 496, rel=0.01)
    one = replace(found, wrong=(17,))
    assert one.bound_percent() == pytest.approx(100 * 4.74 / 496, rel=0.01)  # Poisson mean with 5 % below two
    text = network_names.markdown(one, {})
    assert "| 500 | 4 | 496 | 1 | 0.95 % |" in text
    assert "3 left out" in text and "refused, 3 times: no spine" in text and "seed 17" in text


class Scripted:
    """A detector that refuses the first pair, tells the truth of the second and names the third one too low."""

    def __init__(self, answers: list[float | None], truth: ViewTruth, projection: ConeBeam) -> None:
        self.answers, self.truth, self.projection = iter(answers), truth, projection

    def detect(self, *views: object) -> Detection:
        lower_px = next(self.answers)
        if lower_px is None:
            raise RejectedError("no spine")
        found = said(self.truth, self.projection)
        found.landmarks_px[..., 1] += lower_px
        return Detection(found, found)


@dataclass(frozen=True)
class OnePatient:
    """A simulator whose every second pair shows all five vertebrae."""

    view: LabelledView

    def pair(self, seed: int) -> tuple[LabelledView, LabelledView]:
        shown = self.view if seed % 2 else replace(self.view, landmarks_px=self.view.landmarks_px + [0.0, 400.0])
        return shown, shown


def test_pairs_are_counted_by_what_became_of_them(truth: ViewTruth, projection: ConeBeam) -> None:
    full = projection.regrid(np.array([-0.25, -0.25]), 0.5, 512, 512)
    parts = {field.name: None for field in fields(LabelledView)}
    pixels, points = np.zeros((512, 512), dtype=np.float32), truth.landmarks_px * 2 + 0.5
    view = LabelledView(**(parts | {"view": "ap", "pixels": pixels, "landmarks_px": points, "projection": full}))
    detector = Scripted([None, 0.0, LEVEL_STEP_MM * 4 / 3 * 256 / 427], truth, projection)
    found = network_names.tally(detector, OnePatient(view), 3)  # type: ignore[arg-type]
    first = network_names.FIRST_SEED
    assert found == Tally(3, (first, first + 5), (first + 5,), {"no spine": 1})


def test_the_cost_table_says_where_it_was_not_run() -> None:
    row = network_cost.Cost("CPU", 1, 0.12, 0.11, 0.2, 100.0, 300.0)
    assert "| CPU | 1 | 0.120 | 0.110 | 0.200 | 100 | 300 |\n\nNot run on a GPU" in network_cost.markdown([row], {})
    assert "Not run" not in network_cost.markdown([row, replace(row, device="GPU")], {})
