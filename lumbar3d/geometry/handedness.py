"""Handedness of detectors seen from behind: PA films and left laterals as archives hang them.

The projections of ``geometry.projection`` look from the source at the detector. An image that was turned over, as a
print that is looked at from its back, has its columns the other way round; its calibration says so.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from lumbar3d.contracts import GeometryView, MatrixView, SlotView

AnyView = TypeVar("AnyView", bound=MatrixView | GeometryView | SlotView)


def is_told_from_behind(view: MatrixView | GeometryView | SlotView) -> bool:
    """Whether column axis x row axis points at the source.

    A matrix alone never says it: its sign is free, so it does not tell which way its rays run.
    """
    if isinstance(view, MatrixView):
        return False
    to_detector = np.subtract(view.detector_origin_mm, view.source_mm)
    return bool(to_detector @ np.cross(view.detector_u_axis, row_axis(view)) < 0)


def row_axis(view: GeometryView | SlotView) -> tuple[float, float, float]:
    """The way rows grow: down the detector, or the way of travel."""
    return view.scan_direction if isinstance(view, SlotView) else view.detector_v_axis


def turned_over(view: AnyView) -> AnyView:
    """The same detector with its columns counted from the other side."""
    last = view.columns - 1
    if isinstance(view, MatrixView):
        (u, v, w) = (np.array(row) for row in view.projection)
        return view.model_copy(update={"projection": tuple(tuple(row.tolist()) for row in (last * w - u, v, w))})
    u_axis = np.array(view.detector_u_axis)
    origin = np.array(view.detector_origin_mm) + last * view.pixel_spacing_mm[0] * u_axis
    return view.model_copy(
        update={"detector_origin_mm": tuple(origin.tolist()), "detector_u_axis": tuple((-u_axis).tolist())}
    )
