"""Shape-model engine: 2D-3D registration of the statistical shape models (``lumbar3d.registration``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbar3d.contracts import ReconstructOptions
from lumbar3d.detection.result import Detection
from lumbar3d.drr.projector import Projector
from lumbar3d.engines.fractures import considered
from lumbar3d.engines.protocol import FoundPair
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import Landmarks
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem, FractionDone
from lumbar3d.registration.refit import refit
from lumbar3d.registration.register import fit_spine
from lumbar3d.registration.result import Registration
from lumbar3d.registration.room import LateralError
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True, eq=False)
class ShapeFit:
    """Five shape models and what renders them."""

    models: Sequence[ShapeModel]
    projector: Projector
    constants: RegistrationConstants

    def reconstruct(self, pair: FoundPair, options: ReconstructOptions, progress: FractionDone) -> Registration:
        """Initial poses, optimisation, posterior, fractures; see ``SpineEngine``."""
        task = FitProblem(self.models, pair.detection, self.projector, self.constants, progress)
        spine = fit_spine(task, pair.landmarks, options.method, options.refine_geometry)
        return considered(task, spine) if options.method == "gauss_newton" else spine

    def refit(self, pair: FoundPair, before: Registration, progress: FractionDone) -> Registration:
        """All levels from where they were on; see ``SpineEngine``."""
        starts = [Parameters(vertebra.world_from_model, vertebra.coefficients) for vertebra in before.vertebrae]
        return self.refit_some(pair.detection, pair.landmarks, starts, before.method, progress)

    def refit_some(
        self,
        told: Detection,
        landmarks: Landmarks,
        before: Sequence[LevelAtEnd | Parameters],
        method: str,
        progress: FractionDone,
        error: LateralError | None = None,
    ) -> Registration:
        """Some levels of a spine again, and of these the fractures; ``registration.refit`` has the parameters.

        Parameters
        ----------
        told : Detection
            In the room as it was told.
        """
        task = FitProblem(self.models, told, self.projector, self.constants, progress)
        spine = refit(task, landmarks, before, method, error)
        rows = [row for row, level in enumerate(before) if isinstance(level, Parameters)]
        return considered(task, spine, rows) if method == "gauss_newton" else spine
