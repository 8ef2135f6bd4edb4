"""Shape-model engine: 2D-3D registration of the statistical shape models (``lumbar3d.registration``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbar3d.contracts import ReconstructOptions
from lumbar3d.drr.projector import Projector
from lumbar3d.engines.fractures import considered
from lumbar3d.engines.protocol import FoundPair
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.problem import FitProblem, FractionDone
from lumbar3d.registration.register import fit_spine
from lumbar3d.registration.result import Registration
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
