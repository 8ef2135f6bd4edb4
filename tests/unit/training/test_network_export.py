"""ONNX export of networks."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
import onnxruntime  # noqa: E402

from lumbar3d.training.network import export  # noqa: E402
from lumbar3d.training.network.multitask import MultiTaskNetwork  # noqa: E402
from lumbar3d.training.network.refiner import RefinerNetwork  # noqa: E402
from lumbar3d.training.network.trainer import Schedule, Trainer  # noqa: E402
from lumbar3d.training.network.weights import average_network  # noqa: E402


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def save_shaken(network, folder, *inputs):
    """A training folder whose network has random weights and batch norms that have seen something."""
    for _ in range(3):
        network(*(torch.rand(shape) for shape in inputs))
    Trainer(network, lambda network, batch: {}, Schedule(1.0), folder).save()


@pytest.fixture(scope="module")
def coarse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coarse")
    save_shaken(MultiTaskNetwork(), folder, (2, 1, 256, 256), (2, 2))
    export.export_coarse(folder, folder / "network.onnx")
    return folder


def worst(expected, found):
    """Largest difference of outputs as a share of the largest number in them."""
    assert all(a.shape == b.shape for a, b in zip(expected, found, strict=True))
    return [float(np.abs(a.numpy() - b).max() / a.abs().max()) for a, b in zip(expected, found, strict=True)]


@pytest.mark.parametrize("count", [1, 3])
def test_network_agrees_with_torch(coarse, count):
    network = export.CoarseForExport(average_network(MultiTaskNetwork(), coarse)).eval()
    image, view = torch.rand(count, 1, 256, 256), torch.rand(count, 2)
    with torch.no_grad():
        expected = network(image, view)
    found = session(coarse / "network.onnx").run(None, {"image": image.numpy(), "view": view.numpy()})
    assert max(worst(expected, found)) < 1e-5


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
    assert max(worst(expected, found)) < 1e-5


def worked_out_integers(path):
    """Nodes whose result is integer, and resizings to sizes that are not constants."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=True)
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    constants = {constant.name for constant in model.graph.initializer}
    for node in model.graph.node:
        if any(kinds.get(name) == onnx.TensorProto.INT64 for name in node.output):
            yield node
        if node.op_type in ("Resize", "Reshape") and not {name for name in node.input[1:] if name} <= constants:
            yield node


def test_graphs_hold_their_sizes_as_constants(coarse, refiner):
    for path in (coarse / "network.onnx", refiner / "refiner.onnx"):
        assert list(worked_out_integers(path)) == []
        graph = onnx.load(path).graph
        used = {node.op_type for node in graph.node}
        assert not used & {"Shape", "Gather", "Expand", "Range", "ConstantOfShape", "Where"} and "Resize" in used
        for value in (*graph.input, *graph.output):
            first, *others = value.type.tensor_type.shape.dim
            assert first.dim_param == "n" and all(length.dim_value > 0 for length in others)
    assert {part.domain for part in onnx.load(coarse / "network.onnx").opset_import} == {""}
