"""Write trained networks as ONNX assets (``python -m training.network.export --help``)."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from training.manifest import AssetEntry, record_asset
from training.network.losses import VOTE_UNIT_PX
from training.network.multitask import MultiTaskNetwork
from training.network.refiner import CODES, CROP_PX, RefinerNetwork, expectation
from training.network.trainer import average_network

OPSET = 18


class CoarseForExport(nn.Module):
    """Final activations in the graph: opacity in [0, 1], probabilities, offsets in pixels."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, view: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As ``MultiTaskNetwork.forward``."""
        opacity, logits, votes = self.network(image, view)
        return opacity.clamp(0.0, 1.0), logits.sigmoid(), votes * VOTE_UNIT_PX


class RefinerForExport(nn.Module):
    """Positions and spreads instead of maps."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, crop: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        """As ``expectation``."""
        return expectation(self.network(crop, code))


def export_coarse(folder: Path, target: Path) -> None:
    """The multi-task network of a training folder."""
    network = CoarseForExport(average_network(MultiTaskNetwork(), folder)).eval()
    inputs = (torch.rand(2, 1, 256, 256), torch.tensor([[0.0, 1.0], [1.0, -1.0]]))
    _export(network, inputs, (["image", "view"], ["opacity", "heatmap", "votes"]), target)


def export_refiner(folder: Path, target: Path, sigma_px: dict[str, list[float]]) -> None:
    """The refiner of a training folder, with the standard deviation per view and landmark kind beside it."""
    network = RefinerForExport(average_network(RefinerNetwork(), folder)).eval()
    inputs = (torch.rand(10, 1, CROP_PX, CROP_PX), torch.rand(10, CODES))
    _export(network, inputs, (["crop", "code"], ["position", "spread"]), target)
    model = onnx.load(target)
    onnx.helper.set_model_props(model, {"lumbar3d": json.dumps({"landmark_sigma_px": sigma_px})})
    onnx.save(model, target)


def _export(network: nn.Module, inputs: tuple[Tensor, ...], names: tuple[list[str], list[str]], target: Path) -> None:
    """Dynamic batch; the TorchScript exporter, which takes seconds where the newer one takes minutes."""
    dynamic = {name: {0: "n"} for group in names for name in group}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            inputs,
            str(target),
            input_names=names[0],
            output_names=names[1],
            dynamic_axes=dynamic,
            opset_version=OPSET,
            dynamo=False,
        )


def main() -> None:
    """Parse the command line and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coarse", type=Path, required=True)
    parser.add_argument("--refiner", type=Path, required=True)
    parser.add_argument("--sigma", type=Path, required=True, help="JSON: sigma per view and landmark kind, px")
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, default=Path("ssm_assets"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    export_coarse(arguments.coarse, arguments.out / "network.onnx")
    export_refiner(arguments.refiner, arguments.out / "refiner.onnx", json.loads(arguments.sigma.read_text()))
    for name, folder in (("network", arguments.coarse), ("refiner", arguments.refiner)):
        record_asset(arguments.out, _entry(name, arguments.version, images_seen(folder)))


def images_seen(folder: Path) -> int:
    """How many samples a training has seen."""
    return int(torch.load(folder / "state.pt", weights_only=True)["images"])


def _entry(name: str, version: str, images: int) -> AssetEntry:
    return AssetEntry(
        name=name,
        file=f"{name}.onnx",
        version=version,
        units="px of the network grid",
        provenance=f"trained by training/network on {images} samples of training/radiographs (simulated films of shape "
        "models on a public mean; no image and no shape of a test person); see MODEL_CARD.md",
        licence="Apache-2.0",
    )


if __name__ == "__main__":
    main()
