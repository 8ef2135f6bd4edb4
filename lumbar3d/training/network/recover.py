"""Recovery of a shipped network's weights, to train it further where only its ONNX file is left.

``python -m lumbar3d.training.network.recover ssm_assets/refiner.onnx refiner.npz --coarse RUN``; then ``lumbar3d train
refiner ... --from refiner.npz``. Exported batch norms are folded into their convolutions. They come back with the
statistics that their inputs have on simulated crops, scaled such that the network computes what it did.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from lumbar3d.training.network.refiner import RefinerNetwork
from lumbar3d.training.network.trainer import Batch

PREFIX = "network."
"""Of parts that the exporter left as they are."""
USUAL_GAIN = 1.0 / 3.0
"""Variance of a freshly drawn weight times its fan-in."""
LEAST_VARIANCE = 1e-8


def unfolded(path: Path) -> tuple[nn.Module, list[tuple[nn.Conv2d, nn.BatchNorm2d]]]:
    """The refiner of an ONNX file, and its convolutions with the batch norms after them, which do nothing yet.

    Raises
    ------
    ValueError
        The file is not of this network.
    """
    graph = onnx.load(path).graph
    values = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    network = RefinerNetwork().eval()
    modules, norms = dict(network.named_modules()), _followed(network)
    kept = {name.removeprefix(PREFIX): value for name, value in values.items() if name.startswith(PREFIX)}
    network.load_state_dict(kept, strict=False)
    pairs = []
    for node in graph.node:
        if node.op_type != "Conv" or node.input[1].startswith(PREFIX):
            continue
        module = modules.get(_module(node.name))
        if module is None or node.input[1] not in values:
            continue  # the second look, which shares the weights of the first
        if values[node.input[1]].shape != module.weight.shape:
            raise ValueError(f"{path.name} is not of this network: {node.name}")
        norm = norms[module]
        module.weight.data = values[node.input[1]]
        norm.weight.data.fill_(float(np.sqrt(1.0 + norm.eps)))
        norm.bias.data = values[node.input[2]]
        pairs.append((module, norm))
    return network, pairs


def _module(node: str) -> str:
    """``/network/join/join.1/first/first.0/Conv`` is of the module ``join.1.first.0``."""
    path: list[str] = []
    for part in node.split("/")[2:-1]:
        while path and part.startswith(path[-1] + "."):
            path.pop()
        path.append(part)
    return ".".join(path)


def _followed(network: nn.Module) -> dict[nn.Module, nn.BatchNorm2d]:
    """Every convolution without a bias, and the batch norm that comes next."""
    modules = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.BatchNorm2d)]
    return {
        conv: norm
        for conv, norm in itertools.pairwise(modules)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and conv.bias is None
    }


@torch.no_grad()
def normalised(network: nn.Module, pairs: Sequence[tuple[nn.Conv2d, nn.BatchNorm2d]], batches: Sequence[Batch]) -> None:
    """Give every batch norm the statistics of its input, and every convolution weights of the usual size, in place."""
    sums = {
        id(conv): [torch.zeros(conv.out_channels), torch.zeros(conv.out_channels), torch.zeros(())] for conv, _ in pairs
    }

    def note(module: nn.Module, _: object, output: Tensor) -> None:
        total, square, count = sums[id(module)]
        total += output.sum((0, 2, 3))
        square += output.square().sum((0, 2, 3))
        count += output.numel() / output.shape[1]

    hooks = [conv.register_forward_hook(note) for conv, _ in pairs]
    for batch in batches:
        network(batch["image"].float(), batch["guide"].float(), batch["code"])
    for hook in hooks:
        hook.remove()
    for conv, norm in pairs:
        total, square, count = sums[id(conv)]
        mean, variance = total / count, (square / count - (total / count) ** 2).clamp_min(LEAST_VARIANCE)
        size = conv.weight.data.square().mean((1, 2, 3)).sqrt().clamp_min(1e-12)
        scale = (USUAL_GAIN / conv.weight[0].numel()) ** 0.5 / size
        shift = norm.bias.data
        conv.weight.data *= scale[:, None, None, None]
        norm.running_mean = mean * scale
        norm.running_var = variance * scale**2
        norm.weight.data = (norm.running_var + norm.eps).sqrt() / scale
        norm.bias.data = mean + shift


def main() -> None:
    """Parse the command line, recover, write."""
    from lumbar3d.training.network.refiner_samples import CropBlocks

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--coarse", type=Path, required=True, help="training folder of the first network")
    parser.add_argument("--surroundings", type=Path)
    arguments = parser.parse_args()
    network, pairs = unfolded(arguments.onnx)
    normalised(network, pairs, [CropBlocks(arguments.coarse, arguments.surroundings)[0]])
    np.savez(arguments.out, **{name: value.numpy() for name, value in network.state_dict().items()})


if __name__ == "__main__":
    main()
