"""Errors of a nominal room: how the lateral view differs from its calibration, with Gaussian priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import Projection, middle_px


@dataclass(frozen=True)
class RoomConstants:
    """What a nominal room may be off by, and when the refinement stops.

    The AP view stays as it was told: only what the views are off against each other can be seen.
    """

    source_distance_mm: float = 10.0
    """Standard deviation of the lateral source's way to its detector: what a tube is placed to by a tape measure."""
    detector_shift_mm: float = 3.0
    """Of the detector along its columns and its rows. The former is held (``HELD``), so this, over the magnification,
    is also the standard error of where the spine stands along the AP rays."""
    detector_turn_deg: float = 2.0
    """Of the detector's turn in its plane."""
    rounds: int = 5
    """Of fits with the room refined in between, at most; two or three do."""
    settled_sigmas: float = 0.5
    """A round whose steps are all shorter than this share of their standard errors is the last."""
    seen_share: float = 0.5
    """A parameter whose standard error is above this share of its prior's is not called seen: the images have taken
    less than three quarters of its variance."""
    far_off_sigmas: float = 2.5
    """Of the prior. A parameter further off asks for review: the room is not the nominal one."""
    doubtful_shift_mm: float = 1.0
    doubtful_turn_deg: float = 1.2
    """Shift along the rows and turn in its plane of a detector of a room that is not refined, by one step of the
    refinement: above either the views do not fit together (``views_shifted``). With the networks' images the standard
    errors are 0.23 mm and 0.33 degrees on the demonstration pair; below them an answer errs by some 0.4 degrees."""
    difference: float = 0.1
    """Half the step, in mm or degrees, of the central difference by a parameter."""


CONSTANTS = RoomConstants()
Parameter = Literal["lat_source_distance", "lat_detector_shift_u", "lat_detector_shift_v", "lat_detector_turn"]
PARAMETERS: tuple[Parameter, ...] = get_args(Parameter)
HELD: frozenset[Parameter] = frozenset({"lat_detector_shift_u"})
"""Not estimated, but in the posterior: it moves the spine along the AP rays, of which the AP view shows some
hundredths of a per cent in size; the fit's linear model of the images errs by as much, and would drift."""
UNITS: tuple[Literal["mm", "deg"], ...] = ("mm", "mm", "mm", "deg")


def prior_sigmas(constants: RoomConstants = CONSTANTS) -> Array:
    """Standard deviations (4,) in the order of ``PARAMETERS``, mm and degrees."""
    shift = constants.detector_shift_mm
    return np.array([constants.source_distance_mm, shift, shift, constants.detector_turn_deg])


@dataclass(frozen=True, eq=False)
class LateralError:
    """By how much the lateral view differs from its calibration.

    Attributes
    ----------
    values : (4,) float64
        In the order of ``PARAMETERS``: how much further the source is from its detector, mm; how far the detector is
        moved along its columns and rows, mm; how far it is turned in its plane, from columns towards rows, degrees.
    pivot_mm : (3,) float64
        World point whose pixel a turn leaves where it is.
    """

    values: Array
    pivot_mm: Array

    @classmethod
    def none(cls, view: Projection, spine_mm: Array) -> LateralError:
        """A view that is as it was told; it turns about the ray of its middle, at the depth of a spine's points."""
        origins, rays = view.rays(middle_px(view)[None])
        pivot = origins[0] + ((spine_mm.reshape(-1, 3).mean(0) - origins[0]) @ rays[0]) * rays[0]
        return cls(np.zeros(len(PARAMETERS)), pivot)

    def applied(self, view: Projection) -> Projection:
        """The true view for the calibrated one, on whatever pixel grid."""
        back_mm, across_mm, down_mm, turn_deg = self.values
        further = view.source_moved_back(float(back_mm))
        camera = further.camera_from_world
        turn = frames.rigid(frames.rotation_from_vector(np.array([0.0, 0.0, -np.radians(turn_deg)])), np.zeros(3))
        turned = further.moved(frames.invert(camera) @ turn @ camera)
        slipped = turned.project(self.pivot_mm[None])[0][0] - further.project(self.pivot_mm[None])[0][0]
        shift_px = np.array([across_mm, down_mm]) / view.pixel_spacing_mm
        return turned.regrid(slipped + shift_px, 1.0, view.rows, view.columns)

    def moved(self, step: Array) -> LateralError:
        """With a step (4,) added."""
        return LateralError(self.values + step, self.pivot_mm)

    def motion(self, view: Projection, points_world: Array) -> Array:
        """Motion (N, 3, 4) in mm across the depth axis that does to the image what a unit of each parameter does.

        Parameters
        ----------
        view : Projection
            As it was told.
        points_world : (N, 3) float64
        """
        at = self.applied(view)
        steps = CONSTANTS.difference * np.eye(len(PARAMETERS))
        slopes = [
            (
                self.moved(step).applied(view).project(points_world)[0]
                - self.moved(-step).applied(view).project(points_world)[0]
            )
            / (2 * CONSTANTS.difference)
            for step in steps
        ]
        across = np.stack(slopes, -1) * at.mm_per_px(at.project(points_world)[1])[..., None]
        return np.asarray(np.einsum("nik,ix->nxk", across, at.camera_from_world[:2, :3]))


@dataclass(frozen=True, eq=False)
class RefinedRoom:
    """What the fit found of the room.

    Attributes
    ----------
    error : LateralError
    covariance : (4, 4) float64
        Posterior, mm and degrees.
    """

    error: LateralError
    covariance: Array

    @property
    def sigmas(self) -> Array:
        """Standard errors (4,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def seen(self) -> Sequence[bool]:
        """Whether the images, more than the prior, told each parameter."""
        return [bool(seen) for seen in self.sigmas < CONSTANTS.seen_share * prior_sigmas()]

    @property
    def is_doubtful(self) -> bool:
        """Whether what the images see of the room contradicts what was told of it."""
        limits = {
            "lat_detector_shift_v": CONSTANTS.doubtful_shift_mm,
            "lat_detector_turn": CONSTANTS.doubtful_turn_deg,
        }
        found = zip(PARAMETERS, self.error.values, self.seen, strict=True)
        return any(seen and abs(value) > limits.get(name, np.inf) for name, value, seen in found)

    @property
    def is_far_off(self) -> bool:
        """Whether the room is not the one that was told."""
        return bool((np.abs(self.error.values) > CONSTANTS.far_off_sigmas * prior_sigmas()).any())
