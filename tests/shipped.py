"""Shipped shape models, loaded once in a test process."""

from __future__ import annotations

from functools import cache

from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel


@cache
def shipped_models() -> tuple[ShapeModel, ...]:
    """The models of L1 to L5; nobody may change their arrays."""
    return load_shape_models(AssetStore.open())
