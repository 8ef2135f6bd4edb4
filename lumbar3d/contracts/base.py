"""Base of every contract, and the words that several share: views, frames, vectors."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, FiniteFloat

FrameName = Literal["srs", "lps"]
"""Axes of a file in mm: srs is the world frame (x anterior, y left, z up), lps DICOM's (x left, y posterior, z up)."""
FRAMES: tuple[FrameName, ...] = get_args(FrameName)

ViewName = Literal["ap", "lat"]
VIEWS: tuple[ViewName, ViewName] = ("ap", "lat")
VIEW_TITLE = {"ap": "AP", "lat": "lateral"}
"""How a view is called in words."""

Sex = Literal["female", "male"]
"""Of the people whom a norm is of."""

Vec3 = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
Row4 = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class Contract(BaseModel):
    """What crosses a process boundary: no unknown members, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
