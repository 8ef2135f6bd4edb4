"""Overlay document (``overlay.json``): outlines and landmarks by view and level, in pixels of the stored films."""

from __future__ import annotations

from typing_extensions import TypedDict


class LandmarkOverlay(TypedDict, total=False):
    """(u, v) of a landmark of the fitted model and, where it was found, of the network."""

    model: list[float]
    detected: list[float]


class LevelOverlay(TypedDict):
    """One vertebra in one view."""

    outline: list[list[list[float]]]
    landmarks: dict[str, LandmarkOverlay]


class ViewOverlay(TypedDict):
    """One view: a picture of this many pixels."""

    width: int
    height: int
    levels: dict[str, LevelOverlay]


class OverlayDocument(TypedDict):
    """The whole file."""

    views: dict[str, ViewOverlay]
