import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402

from training.network import export  # noqa: E402
from training.network.multitask import MultiTaskNetwork  # noqa: E402
from training.network.refiner import RefinerNetwork  # noqa: E402
from training.network.trainer import Schedule, Trainer  # noqa: E402
from training.network.weights import average_network  # noqa: E402


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def save_shaken(network, folder, *inputs):
    """A training folder whose network has random weights and batch norms that have seen something."""
    for _ in range(3):
        network(*(torch.rand(shape) for shape in inputs))
    Trainer(network, lambda network, batch: {}, Schedule(1.0), folder).save()


def test_network_agrees_with_torch(tmp_path):
    save_shaken(MultiTaskNetwork(), tmp_path, (2, 1, 256, 256), (2, 2))
    export.export_coarse(tmp_path, tmp_path / "network.onnx")
    network = export.CoarseForExport(average_network(MultiTaskNetwork(), tmp_path)).eval()
    for count in (1, 3):
        image, view = torch.rand(count, 1, 256, 256), torch.rand(count, 2)
        with torch.no_grad():
            expected = network(image, view)
        found = session(tmp_path / "network.onnx").run(None, {"image": image.numpy(), "view": view.numpy()})
        for a, b, tolerance in zip(expected, found, (1e-4, 1e-4, 2e-3, 1e-3), strict=True):
            assert np.abs(a.numpy() - b).max() < tolerance


def refiner_inputs(count):
    shapes = {"film": (1, 160, 160), "guide": (2, 80, 80), "code": (7,)}
    return {name: torch.rand(count, *shape) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def refiner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refiner")
    network = RefinerNetwork()
    torch.nn.init.normal_(network.opacity[-1].weight, std=0.05)
    save_shaken(network, folder, (2, 1, 160, 160), (2, 2, 80, 80), (2, 7))
    export.export_refiner(folder, folder / "refiner.onnx", {"ap": {"floor_px2": [1.0] * 7}, "lat": {}})
    return folder


@pytest.mark.parametrize("count", [1, 4])
def test_refiner_agrees_with_torch_and_carries_its_calibration(refiner, count):
    network = export.RefinerForExport(average_network(RefinerNetwork(), refiner)).eval()
    opened = session(refiner / "refiner.onnx")
    assert '"floor_px2": [1.0' in opened.get_modelmeta().custom_metadata_map["lumbar3d"]
    inputs = refiner_inputs(count)
    with torch.no_grad():
        expected = network(**inputs)
    found = opened.run(None, {name: part.numpy() for name, part in inputs.items()})
    for a, b, tolerance in zip(expected, found, (1e-4, 5e-3, 0.3), strict=True):
        assert a.shape == b.shape
        assert np.abs(a.numpy() - b).max() < tolerance


def test_half_precision_says_nearly_the_same_in_half_the_space(refiner):
    half = export.half_precision(refiner / "refiner.onnx")
    assert half.name == "refiner.fp16.onnx"
    assert half.stat().st_size < 0.65 * (refiner / "refiner.onnx").stat().st_size
    assert "lumbar3d" in session(half).get_modelmeta().custom_metadata_map
    inputs = {name: part.numpy() for name, part in refiner_inputs(3).items()}
    whole, halved = (session(path).run(None, inputs) for path in (refiner / "refiner.onnx", half))
    for a, b, tolerance in zip(whole, halved, (0.02, 0.5, 15.0), strict=True):
        assert b.dtype == np.float32 and np.abs(a - b).max() < tolerance
