"""The shipped refiner's weights come back from its file such that it computes what it did."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402

from lumbar3d.shape.assets import AssetStore  # noqa: E402
from lumbar3d.training.network.export import RefinerForExport  # noqa: E402
from lumbar3d.training.network.recover import normalised, unfolded  # noqa: E402


def test_the_recovered_refiner_computes_the_same_before_and_after_its_norms_are_filled():
    path = AssetStore.open().path("refiner")
    network, pairs = unfolded(path)
    film, guide, code = torch.rand(3, 1, 160, 160), torch.rand(3, 2, 80, 80), torch.eye(7)[:3]
    inputs = {"film": film, "guide": guide, "code": code}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = session.run(None, {name: part.numpy() for name, part in inputs.items()})

    def differences():
        with torch.no_grad():
            found = RefinerForExport(network).eval()(**inputs)
        return [float(np.abs(a - b.numpy()).max()) for a, b in zip(expected, found, strict=True)]

    assert len(pairs) > 20 and max(differences()[:2]) < 1e-3
    normalised(network, pairs, [{"image": film, "guide": guide, "code": code}])
    assert max(differences()[:2]) < 1e-3
    conv, norm = pairs[0]
    assert not torch.allclose(norm.running_mean, torch.zeros_like(norm.running_mean))
    assert 0.2 < float(conv.weight.detach().square().mean().sqrt() * conv.weight[0].numel() ** 0.5 * 3**0.5) < 5.0
