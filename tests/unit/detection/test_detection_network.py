"""The shipped networks on simulated films that they never saw; what they must refuse."""

import json
import re
import shutil
from contextlib import nullcontext
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from benchmarks.network import network_view
from lumbar3d import detector as detector_module
from lumbar3d.detection import onnx_session as runtime
from lumbar3d.detection.guided_look import GUIDE_BLUR_PX, Guide
from lumbar3d.detection.orientation import flips_to_canonical, view_code
from lumbar3d.detection.out_of_distribution import NoveltyScale
from lumbar3d.detector import Detector
from lumbar3d.errors import AssetError, DeviceError, RejectedError, ViewNotRecognisedError, ViewsContradictError
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.refusal.contradiction import refuse_contradiction
from lumbar3d.shape.assets import AssetStore
from lumbar3d.training.network.calibrate import uncalibrated
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.simulate import Simulator
from tests.shipped import shipped_models

SEEDS = HELD_OUT_SEEDS[500:503]
ON_THE_BODY = [0, 1, 4, 5]
"""End plates and pedicles: in lateral films people of the population hide their transverse processes."""


@pytest.fixture(scope="module")
def detector():
    return Detector.load(AssetStore.open(), threads=1)


@pytest.fixture(scope="module")
def pairs():
    simulator = Simulator(shipped_models())
    return [simulator.pair(seed) for seed in SEEDS]


def detect(detector, pair):
    return detector.detect(*(network_view(view) for view in pair))


def test_levels_are_found_on_unseen_patients(detector, pairs):
    for pair in pairs:
        for view, found in zip(pair, detect(detector, pair).views, strict=True):
            flips = flips_to_canonical(view.projection, view.view)
            truth_px = (flips.points(view.landmarks_px, view.projection) - 0.5) / 2
            distance_mm = np.linalg.norm(found.landmarks_px - truth_px, axis=-1) * found.projection.pixel_spacing_mm[0]
            shown = slice(None) if view.view == "ap" else ON_THE_BODY
            assert np.median(distance_mm[:, shown]) < 3.0
            assert distance_mm[:, :2].mean() < 4.0
            assert found.decomposition.shape == (5, 256, 256) and found.decomposition.dtype == np.float32
            truth = flips.image(view.opacity).reshape(5, 256, 2, 256, 2).mean(axis=(2, 4))
            for exact, image in zip(truth > 0.1, found.decomposition > 0.1, strict=True):
                assert 2 * (exact & image).sum() / (exact.sum() + image.sum()) > 0.75
            assert found.confidence.min() > 0.2 and found.confidence.max() <= 1.0
            assert found.landmark_sigma_px.shape == (5, 7) and found.landmark_sigma_px.min() > 0.0
            covariance = found.landmark_covariance_px2
            assert np.allclose(np.trace(covariance, axis1=-2, axis2=-1) / 2, found.landmark_sigma_px**2)
            assert np.linalg.eigvalsh(covariance).min() > 0.0
            assert found.projection.columns == 256


def test_the_grid_of_the_answer_is_the_calibration_of_its_pixels(detector, pairs):
    for view, found in zip(pairs[0], detect(detector, pairs[0]).views, strict=True):
        point = np.array([[3.0, -4.0, 5.0]])
        fine, coarse = view.projection.project(point)[0], found.projection.project(point)[0]
        assert np.allclose((fine - 0.5) / 2, coarse)


def test_one_answer_whatever_the_batch(detector, pairs):
    first, second = detect(detector, pairs[0]), detect(detector, pairs[0])
    assert np.array_equal(first.ap.decomposition, second.ap.decomposition)
    assert np.array_equal(first.lat.landmarks_px, second.lat.landmarks_px)


def spoiled(pair, change):
    return [NetworkView(change(view.pixels), view.projection, view.view) for view in map(network_view, pair)]


RNG = np.random.default_rng(7)
WRONG = {
    "noise": lambda image: RNG.random(image.shape, dtype=np.float32),
    "clouds": lambda image: gaussian_filter(RNG.standard_normal(image.shape), 12.0).astype(np.float32) * 10.0 + 0.5,
    "nearly constant": lambda image: np.full_like(image, 0.5) + 1e-3 * RNG.random(image.shape, dtype=np.float32),
    "black": np.zeros_like,
    "bone dark": lambda image: 1.0 - image,
    "upside down": lambda image: np.ascontiguousarray(image[::-1]),
    "on its side": lambda image: np.ascontiguousarray(np.rot90(image)),
}


@pytest.mark.parametrize(("number", "name"), [*enumerate(WRONG)])
def test_what_is_no_lumbar_spine_is_refused(detector, pairs, number, name):
    with pytest.raises(RejectedError):
        detector.detect(*spoiled(pairs[number % len(pairs)], WRONG[name]))


def test_the_refusal_names_the_view(detector, pairs):
    ap, lat = map(network_view, pairs[0])
    for spoilt in (0, 1):
        views = [ap, lat]
        noise = np.random.default_rng(0).random(ap.pixels.shape, dtype=np.float32)
        views[spoilt] = NetworkView(noise, views[spoilt].projection, views[spoilt].view)
        with pytest.raises(
            ViewNotRecognisedError, match=f"no lumbar spine .* in the {('AP', 'lateral')[spoilt]} image"
        ):
            detector.detect(*views)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda image: np.rot90(image, 2), "upside down"),
        (np.rot90, "turned by a quarter"),
        (lambda image: 1.0 - image, "inverted (bone dark)"),
        (lambda image: image[:, ::-1], "mirrored"),
    ],
)
def test_the_refusal_says_what_is_wrong_with_a_film(detector, pairs, change, said):
    for pair in pairs[:2]:
        ap, lat = map(network_view, pair)
        changed = NetworkView(np.ascontiguousarray(change(lat.pixels)), lat.projection, lat.view)
        with pytest.raises(ViewNotRecognisedError, match=re.escape(f"the lateral image seems to be {said}")):
            detector.detect(ap, changed)


def test_exchanged_views_are_named(detector, pairs):
    ap, lat = map(network_view, pairs[0])
    exchanged = NetworkView(lat.pixels, ap.projection, ap.view), NetworkView(ap.pixels, lat.projection, lat.view)
    with pytest.raises(ViewNotRecognisedError, match="exchanged"):
        detector.detect(*exchanged)


def test_one_film_sent_as_both_views_is_named(detector, pairs):
    ap, lat = map(network_view, pairs[0])
    with pytest.raises(ViewNotRecognisedError, match="the lateral image seems to be an AP image"):
        detector.detect(ap, NetworkView(ap.pixels, lat.projection, lat.view))


def test_views_that_contradict_each_other_are_refused(detector, pairs):
    ap, lat = map(network_view, pairs[0])
    shifted = lat.projection.regrid(np.array([0.0, 70.0]), 1.0, 512, 512)
    with pytest.raises(ViewsContradictError, match="do not agree"):
        detector.detect(ap, NetworkView(lat.pixels, shifted, "lat"))


def test_one_level_named_after_its_neighbour_in_one_view_is_refused():
    heights = np.linspace(70.0, -70.0, 5)
    points = np.stack([np.zeros(5), np.zeros(5), heights], -1)
    sources = np.array([1200.0, 0.0, 0.0]), np.array([0.0, 1200.0, 0.0])

    def rays(source, seen):
        return np.broadcast_to(source, (5, 3)), (seen - source) / np.linalg.norm(seen - source, axis=1)[:, None]

    refuse_contradiction([rays(source, points) for source in sources])
    shifted = points + np.array([[0, 0, 35.0], *4 * [[0, 0, 0]]])
    with pytest.raises(ViewsContradictError, match="which vertebra is which"):
        refuse_contradiction([rays(sources[0], points), rays(sources[1], shifted)])


def test_missing_and_broken_files_are_asset_errors(tmp_path):
    shutil.copy(AssetStore.open().directory / "manifest.json", tmp_path)
    with pytest.raises(AssetError, match="missing"):
        Detector.load(AssetStore.open(tmp_path))
    (tmp_path / "network.onnx").write_bytes(b"not a network")
    with pytest.raises(AssetError, match="checksum"):
        Detector.load(AssetStore.open(tmp_path))


def test_a_film_stored_upside_down_gives_the_same_answer(detector, pairs):
    ap, lat = map(network_view, pairs[0])
    last = np.array([ap.projection.columns - 1, ap.projection.rows - 1])
    turned_room = replace(
        ap.projection,
        camera_from_world=np.diag([-1.0, -1.0, 1.0, 1.0]) @ ap.projection.camera_from_world,
        principal_px=last - ap.projection.principal_px,
    )
    turned = NetworkView(np.ascontiguousarray(ap.pixels[::-1, ::-1]), turned_room, "ap")
    one, other = detector.detect(ap, lat).ap, detector.detect(turned, lat).ap
    assert np.allclose(other.landmarks_px, (last - 1) / 2 - one.landmarks_px)
    assert np.array_equal(other.decomposition, one.decomposition[:, ::-1, ::-1])
    assert np.allclose(other.landmark_covariance_px2, one.landmark_covariance_px2)


class KnownRefiner:
    """The middle of every crop, spread along the diagonal of the film as it was taken; nothing in the image."""

    custom_metadata_map: ClassVar = {"lumbar3d": json.dumps(uncalibrated())}

    def get_providers(self):
        return ["CPUExecutionProvider"]

    def get_modelmeta(self):
        return self

    def run(self, names, inputs):
        n = len(inputs["film"])
        mixed = 2.0 * inputs["code"][:, 1, None, None] * (1.0 - np.eye(2))
        covariance = np.repeat((np.diag([10.0, 8.0]) + mixed)[:, None], 7, axis=1)
        return [np.zeros((n, 160, 160), np.float32), np.full((n, 7, 2), 79.5), covariance]


def test_crops_are_put_back_where_they_were_cut(detector, pairs):
    known = Detector(detector._network, KnownRefiner())
    for pair in pairs:
        for view, found, shipped in zip(pair, detect(known, pair).views, detect(detector, pair).views, strict=True):
            flips = flips_to_canonical(view.projection, view.view)
            sign = view_code(view.projection, view.view)[1] * (-1.0 if flips.columns else 1.0)
            expected = np.array([[10.0 - 6.25, sign * 2.0], [sign * 2.0, 8.0 - 6.25]]) / 4
            assert np.allclose(found.landmark_covariance_px2, np.broadcast_to(expected, (5, 7, 2, 2)))
            middles = (shipped.landmarks_px.min(axis=1) + shipped.landmarks_px.max(axis=1)) / 2
            assert np.abs(found.landmarks_px[:, 0] - middles).max() < 20.0
            for level, middle in enumerate(found.landmarks_px[:, 0]):
                row, column = int(middle[1]), int(middle[0])
                inside = found.decomposition[level, row - 35 : row + 35, column - 35 : column + 35]
                assert inside.size > 0 and inside.max() == 0.0
            assert shipped.decomposition.max() > 0.3


class EchoRefiner(KnownRefiner):
    """Draws its guide again."""

    def run(self, names, inputs):
        _, position, covariance = super().run(names, inputs)
        return [np.kron(inputs["guide"][:, 0], np.ones((1, 2, 2), np.float32)), position, covariance]


def test_a_third_look_is_guided_by_what_was_fitted(detector, pairs):
    found = detect(detector, pairs[0])
    fitted = []
    for view in found.views:
        opacity = np.zeros_like(view.decomposition)
        for image, points in zip(opacity, view.landmarks_px, strict=True):
            column, row = points[:2].mean(axis=0).astype(int)
            image[row - 9 : row + 5, column - 4 : column + 12] = 0.6
        fitted.append(Guide(opacity, view.landmarks_px))
    again = Detector(detector._network, EchoRefiner()).third_look(found, fitted)
    for guide, old, new in zip(fitted, found.views, again.views, strict=True):
        expected = np.stack([gaussian_filter(image, GUIDE_BLUR_PX) for image in guide.opacity])
        assert np.abs(new.decomposition - expected).max() < 1e-5
        middles = (old.landmarks_px.min(axis=1) + old.landmarks_px.max(axis=1)) / 2
        assert np.abs(new.landmarks_px[:, 0] - middles).max() < 20.0
        assert new.novelty == old.novelty and np.array_equal(new.confidence, old.confidence)
    assert again.naming is found.naming and again.sources is found.sources


@pytest.fixture
def cuda_wheel(monkeypatch):
    """The wheel that can use CUDA; the fixture is what has been asked of it."""
    asked = []

    class Session:
        def __init__(self, path, options, providers):
            asked.append((path.name, providers))

    onnxruntime = "lumbar3d.detection.onnx_session.onnxruntime."
    monkeypatch.setattr(
        onnxruntime + "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(onnxruntime + "preload_dlls", lambda: asked.append("libraries"))
    monkeypatch.setattr(onnxruntime + "InferenceSession", Session)
    runtime._providers.cache_clear()
    yield asked
    runtime._providers.cache_clear()


def test_cuda_is_asked_for_in_full_precision_after_its_libraries(cuda_wheel):
    store = AssetStore.open()
    runtime.open_session(store, "network", 1)
    runtime.open_session(store, "refiner", 1)
    wanted = [("CUDAExecutionProvider", {"use_tf32": "0"}), "CPUExecutionProvider"]
    assert cuda_wheel == ["libraries", ("network.onnx", wanted), ("refiner.onnx", wanted)]


@pytest.mark.parametrize("name", ["network", "refiner"])
def test_a_gpu_that_is_asked_for_is_used_or_refused(cuda_wheel, monkeypatch, name):
    store, session = AssetStore.open(), runtime.onnxruntime.InferenceSession
    for providers, refused in (
        (["CUDAExecutionProvider", "CPUExecutionProvider"], False),
        (["CPUExecutionProvider"], True),
    ):
        monkeypatch.setattr(session, "get_providers", lambda _, providers=providers: providers, raising=False)
        with pytest.raises(DeviceError, match=f"network {name} does not run on CUDA") if refused else nullcontext():
            runtime.open_session(store, name, 1, "gpu")
    runtime.open_session(store, name, 1, "cpu")
    assert cuda_wheel[-1] == (f"{name}.onnx", ["CPUExecutionProvider"])


def test_without_the_cuda_libraries_a_gpu_is_refused():
    if "CUDAExecutionProvider" in runtime.onnxruntime.get_available_providers():
        pytest.skip("this machine's ONNX Runtime can use CUDA")
    with pytest.raises(DeviceError, match="fallen back to the CPU"):
        Detector.load(AssetStore.open(), device="gpu")


def test_warming_up_runs_every_size_of_a_clear_pair(detector, pairs, monkeypatch):
    sizes, run = {"pair": set(), "warm": set()}, detector_module.run_session

    def recorded(session, inputs):
        sizes["pair"].add(tuple((name, array.shape) for name, array in inputs.items()))
        return run(session, inputs)

    def imagined(session, inputs):
        sizes["warm"].add(tuple((name, array.shape) for name, array in inputs.items()))
        count = len(next(iter(inputs.values())))
        return [np.zeros((count, *shape), np.float32) for shape in ((160, 160), (7, 2), (7, 2, 2))]

    monkeypatch.setattr(detector_module, "run_session", recorded)
    detect(detector, pairs[0])
    monkeypatch.setattr(detector_module, "run_session", imagined)
    detector.warm_up()
    assert len(sizes["warm"]) == 2 and sizes["warm"] <= sizes["pair"]


class FailingSession:
    """A session whose device has gone."""

    def __init__(self, metadata):
        self.custom_metadata_map = metadata

    def get_providers(self):
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def get_modelmeta(self):
        return self

    def run(self, names, inputs):
        raise RuntimeError("CUDA failure 700: an illegal memory access was encountered")


def test_a_failing_device_is_a_device_error(pairs):
    one = NoveltyScale(np.zeros(1), np.ones(1), np.ones((1, 1)), np.ones(1), 1.0).record()
    notes = {**uncalibrated(), "novelty": {"ap": one, "lat": one}}
    session = FailingSession({"lumbar3d": json.dumps(notes)})
    detector = Detector(session, session)
    assert detector.providers == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert Detector(session, KnownRefiner()).providers == ("CPUExecutionProvider",)  # one of them fell back
    with pytest.raises(DeviceError):
        detect(detector, pairs[0])
    with pytest.raises(AssetError, match="landmark errors"):
        Detector(session, FailingSession({}))
    with pytest.raises(AssetError, match="what films are like"):
        Detector(FailingSession({"lumbar3d": json.dumps({**notes, "novelty": {"ap": one}})}), session)
