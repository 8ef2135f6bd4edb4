import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402

from training.network import export  # noqa: E402
from training.network.multitask import MultiTaskNetwork  # noqa: E402
from training.network.refiner import RefinerNetwork  # noqa: E402
from training.network.trainer import Schedule, Trainer, average_network  # noqa: E402


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
        for a, b, tolerance in zip(expected, found, (1e-4, 1e-4, 2e-3), strict=True):
            assert np.abs(a.numpy() - b).max() < tolerance


def test_refiner_agrees_with_torch_and_carries_its_sigmas(tmp_path):
    save_shaken(RefinerNetwork(), tmp_path, (2, 1, 160, 160), (2, 7))
    sigma = {"ap": [1.0] * 7, "lat": [2.0] * 7}
    export.export_refiner(tmp_path, tmp_path / "refiner.onnx", sigma)
    network = export.RefinerForExport(average_network(RefinerNetwork(), tmp_path)).eval()
    opened = session(tmp_path / "refiner.onnx")
    assert '"lat": [2.0' in opened.get_modelmeta().custom_metadata_map["lumbar3d"]
    for count in (1, 4):
        crop, code = torch.rand(count, 1, 160, 160), torch.rand(count, 7)
        with torch.no_grad():
            expected = network(crop, code)
        for a, b in zip(expected, opened.run(None, {"crop": crop.numpy(), "code": code.numpy()}), strict=True):
            assert np.abs(a.numpy() - b).max() < 5e-3
