"""Every constant of the fit, recorded in each result."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Stage:
    """One step of the pyramid: compare on pixels of ``factor`` x ``factor``, move ``modes`` modes at most."""

    factor: int
    modes: int
    iterations: int


@dataclass(frozen=True)
class RegistrationConstants:
    """How images, landmarks and prior are weighed, and when the optimiser stops.

    The cost of a vertebra is ``image_weight * sum_px W rho(g I - D)`` over both views plus half the squared,
    robustified landmark residuals in sigmas plus half the squared mode coefficients in SD.
    """

    stages: tuple[Stage, ...] = (Stage(8, 12, 8), Stage(4, 1000, 8), Stage(2, 1000, 10))
    image_weight_per_px2: float = 1.0
    """Cost per px^2 of image area: neighbouring residuals are correlated, some 50 px^2 count as one observation."""
    reference_noise: float = 0.02
    """Once all modes are free, each view is trusted in proportion to (this / its RMS residual)^2: a weak prior would
    otherwise follow the errors of a bad image. Chosen by hand on the network's images of
    held-out simulated patients; no test person took part."""
    trust_limits: tuple[float, float] = (0.05, 2.0)
    robust_delta: float = 0.03
    """Where the robust loss turns from square to absolute, in opacity."""
    psf_sigma_px: float = 0.8
    """Blur of the detected decomposition beside a sharp projection."""
    gain_limits: tuple[float, float] = (0.7, 1.4)
    weight_base: float = 1.0
    weight_peak: float = 2.0
    weight_support_px: float = 20.0
    """The paper's W: a Gaussian (sigma a third of its support) on both transverse processes and the spinous one."""
    landmark_robust_sigmas: float = 2.0
    coefficient_limit_sd: float = 3.5
    damping: float = 1e-3
    """Levenberg's, at the start and at least."""
    damping_up: float = 30.0
    damping_down: float = 4.0
    relative_decrease: float = 2e-3
    """A step of the pyramid ends where the cost falls by less, on pixels of 2; see ``optimise.minimise``."""
    step_translation_mm: float = 4.0
    step_rotation_rad: float = 0.15
    step_coefficient_sd: float = 1.5
    roi_margin_px: int = 24
    jacobian_cell_px: int = 4
    minimum_confidence: float = 0.1
    minimum_landmarks: int = 4
    maximum_ray_distance_mm: float = 40.0
    """Rays further apart than this do not show the same landmark; the landmark is left out."""
    silhouette_opacity: float = 0.1
    noise_correlation_px2: float = 200.0
    """Image area over which residuals are one observation. With 150 to 200 the posterior's surface error equals the
    true one on simulated instances from outside the model, with good and with bad images."""
    noise_floor: float = 0.01
    neighbour_surprise_limit: float = 1.25
    """Above it a level contradicts the others (deformed, or badly seen) and is fitted by itself. Held-out drawn people
    show 0.6-1.1, a body that lost a third of its front 1.2-1.7 (``benchmarks.joint_prior``)."""
    threads: int = 2
    bobyqa_evaluations: int = 1000
    bobyqa_modes: int = 14
    bobyqa_tolerance: float = 1e-4
    """Relative to the first steps: where NLopt stops by itself."""

    def record(self) -> dict[str, float | int | str | bool]:
        """Flat form for a result's ``constants``."""
        fields = asdict(self) | {"stages": "; ".join(f"{s.factor}x/{s.modes}/{s.iterations}" for s in self.stages)}
        for name in ("gain_limits", "trust_limits"):
            fields[name] = "-".join(str(limit) for limit in getattr(self, name))
        return fields
