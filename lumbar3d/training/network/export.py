"""ONNX export of trained networks as assets (``python -m lumbar3d.training.network.export --help``).

Single precision, on CPUs and GPUs alike. Only the number of films is open: all other sizes are constants of the graph.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from lumbar3d.detection.crops import CROP_PX, GRID_STEP
from lumbar3d.training.manifest import MANIFEST, AssetEntry, record_asset
from lumbar3d.training.network.calibrate import uncalibrated
from lumbar3d.training.network.losses import VOTE_UNIT_PX
from lumbar3d.training.network.multitask import MultiTaskNetwork
from lumbar3d.training.network.refiner import CODES, RefinerNetwork, moments, own_guide
from lumbar3d.training.network.weights import average_network, images_seen
from lumbar3d.training.surroundings.library import ATTRIBUTION

OPSET = 18
METADATA = "lumbar3d"


class CoarseForExport(nn.Module):
    """Final activations in the graph: opacity in [0, 1], probabilities, offsets in pixels."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, view: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As ``MultiTaskNetwork.forward``."""
        opacity, logits, votes, features = self.network(image, view)
        return opacity.clamp(0.0, 1.0), logits.sigmoid(), votes * VOTE_UNIT_PX, features


class RefinerForExport(nn.Module):
    """Two looks, the second guided by the first; opacity in [0, 1]; positions and covariances instead of maps."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, film: Tensor, guide: Tensor, code: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Opacity (n, 160, 160), position (n, 7, 2) and covariance (n, 7, 2, 2) of the maps, in crop pixels."""
        first, _ = self.network(film, guide, code)
        opacity, logits = self.network(film, own_guide(first, guide), code)
        return opacity.squeeze(1).clamp(0.0, 1.0), *moments(logits)


def export_coarse(folder: Path, target: Path) -> None:
    """The multi-task network of a training folder."""
    network = CoarseForExport(average_network(MultiTaskNetwork(), folder)).eval()
    inputs = (torch.rand(2, 1, 256, 256), torch.tensor([[0.0, 1.0], [1.0, -1.0]]))
    _export(network, inputs, (["image", "view"], ["opacity", "heatmap", "votes", "features"]), target)


def export_refiner(folder: Path, target: Path, calibration: dict[str, Any]) -> None:
    """The refiner of a training folder; its metadata hold both calibrations of each view."""
    network = RefinerForExport(average_network(RefinerNetwork(), folder)).eval()
    guide_px = CROP_PX // GRID_STEP
    inputs = (torch.rand(10, 1, CROP_PX, CROP_PX), torch.rand(10, 2, guide_px, guide_px), torch.rand(10, CODES))
    _export(network, inputs, (["film", "guide", "code"], ["opacity", "position", "covariance"]), target)
    write_calibration(target, calibration)


def write_calibration(target: Path, calibration: dict[str, Any]) -> None:
    """Put what ``calibrate`` has written in a refiner's metadata."""
    model = onnx.load(target)
    onnx.helper.set_model_props(model, {METADATA: json.dumps(calibration)})
    onnx.save(model, target)


def _export(network: nn.Module, inputs: tuple[Tensor, ...], names: tuple[list[str], list[str]], target: Path) -> None:
    """Write a graph for any number of films; the TorchScript exporter takes seconds where the newer one takes minutes.

    Drawn up for the number in ``inputs``, so that every size can be folded into a constant; the networks nowhere need
    that number, so it is then opened.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            inputs,
            str(target),
            input_names=names[0],
            output_names=names[1],
            opset_version=OPSET,
            dynamo=False,
        )
    model = _folded(target)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    onnx.save(model, target)


def _folded(path: Path) -> onnx.ModelProto:
    """The graph with its constants worked out and batch norms in the convolutions, in standard operators still."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    model = onnx.load(path)
    unused = [domain for domain in model.opset_import if domain.domain]
    for domain in unused:
        model.opset_import.remove(domain)
    return model


def record(out: Path, name: str, version: str, images: int) -> None:
    """Enter a network in the manifest."""
    entry = AssetEntry(
        name=name,
        file=f"{name}.onnx",
        version=version,
        units="px of the network grid",
        provenance="trained by lumbar3d/training/network on simulated films of lumbar3d/training/radiographs "
        "(lumbar3d/training/population and shape models on a public mean; no image and no vertebra of a test person) "
        f"in the surroundings of lumbar3d/training/surroundings, {images} samples in the last stretch; see "
        "MODEL_CARD.md. Surroundings adapted from: " + "; ".join(ATTRIBUTION),
        licence="Apache-2.0; attribution of the surroundings: see provenance",
    )
    record_asset(out, entry)


def main() -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coarse", type=Path, help="training folder; none: the network of --out stays")
    parser.add_argument("--refiner", type=Path, help="training folder; none: the refiner of --out stays")
    parser.add_argument("--calibration", type=Path, help="JSON of training.network.calibrate; none: to measure it")
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, default=Path("ssm_assets"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network, refiner = arguments.out / "network.onnx", arguments.out / "refiner.onnx"
    calibration = json.loads(arguments.calibration.read_text()) if arguments.calibration else uncalibrated()
    if arguments.coarse:
        export_coarse(arguments.coarse, network)
        record(arguments.out, network.stem, arguments.version, images_seen(arguments.coarse))
    if arguments.refiner:
        export_refiner(arguments.refiner, refiner, calibration)
        record(arguments.out, refiner.stem, arguments.version, images_seen(arguments.refiner))
    elif arguments.calibration:
        write_calibration(refiner, calibration)
        kept = json.loads((arguments.out / MANIFEST).read_text())["assets"]
        (own,) = (one for one in kept if one["name"] == refiner.stem)
        record_asset(arguments.out, AssetEntry(**{key: value for key, value in own.items() if key != "sha256"}))


if __name__ == "__main__":
    main()
