"""Engine protocol: two views with their geometry and what was found in them in, a spine with its covariance out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lumbar3d.contracts import ReconstructOptions
from lumbar3d.detection.result import Detection
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.registration.initialise import Landmarks
from lumbar3d.registration.problem import FractionDone
from lumbar3d.registration.result import Registration


@dataclass(frozen=True, eq=False)
class FoundPair:
    """Both views of one person and what was found in them.

    Attributes
    ----------
    views : (NetworkView, NetworkView)
        AP and LAT, each with its projection.
    detection : Detection
    landmarks : Landmarks
        Triangulated from the detection.
    """

    views: tuple[NetworkView, NetworkView]
    detection: Detection
    landmarks: Landmarks


class SpineEngine(Protocol):
    """A way to reconstruct; loaded once, used for one pair at a time."""

    def reconstruct(self, pair: FoundPair, options: ReconstructOptions, progress: FractionDone) -> Registration:
        """Reconstruct L1..L5.

        Parameters
        ----------
        pair : FoundPair
        options : ReconstructOptions
        progress : callable
            Called with the fraction done, 0-1; what it raises passes through.

        Returns
        -------
        Registration
            Every vertebra with its posterior covariance, or with None where the engine cannot state one: its
            measurements then have no standard error.

        Raises
        ------
        RejectedError
            The images were read but cannot be answered honestly.
        EngineError
            Our side failed.
        """
        ...

    def refit(self, pair: FoundPair, before: Registration, progress: FractionDone) -> Registration:
        """Reconstruct the same levels again, of landmarks and opacities that were redrawn around them.

        Parameters
        ----------
        pair : FoundPair
            The views, and what was redrawn.
        before : Registration
            This engine's answer, around which it was.
        progress : callable

        Returns
        -------
        Registration
            As ``reconstruct``; raises what that raises.
        """
        ...
