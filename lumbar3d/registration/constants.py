"""Constants of the fit, recorded in each result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FitStage:
    """One step of the pyramid: compare on pixels of ``factor`` x ``factor``, move ``modes`` modes at most."""

    factor: int
    modes: int
    iterations: int


@dataclass(frozen=True)
class RegistrationConstants:
    """Weights of images, landmarks and prior, and stopping rules of the optimiser.

    The cost of a vertebra is ``image_weight * sum_px W rho(g I - D)`` over both views plus half the squared,
    robustified landmark residuals in sigmas plus half the squared mode coefficients in SD.
    """

    stages: tuple[FitStage, ...] = (FitStage(8, 12, 8), FitStage(4, 1000, 8), FitStage(2, 1000, 10))
    """Coarse to fine. In the prototype a step at 8x let starts converge that were lost from 4x, and full resolution
    gained nothing that mattered; few modes at first, because coarse pixels do not show the others."""
    image_weight_per_px2: float = 1.0
    """Cost per px^2 of image area: neighbouring residuals are correlated, some 50 px^2 count as one observation."""
    reference_noise: float = 0.02
    """Once all modes are free, each view is trusted in proportion to (this / its RMS residual)^2: a weak prior would
    otherwise follow the errors of a bad image. Chosen by hand on the network's images of
    held-out simulated patients; no test person took part."""
    trust_limits: tuple[float, float] = (0.05, 2.0)
    """No view is left out and none decides alone; not tuned."""
    robust_delta: float = 0.03
    """Where the robust loss turns from square to absolute, in opacity. 0.01 until views were trusted by their own
    residual, which needs squares within their noise; no comparison is kept."""
    psf_sigma_px: float = 0.8
    """Blur of the detected decomposition beside a sharp projection; the prototype's, not tuned since."""
    gain_limits: tuple[float, float] = (0.7, 1.4)
    """Of the factor on the model image. A detector's contrast is off by some per cent, and without a factor that costs
    accuracy (prototype); beyond these limits it is no contrast. Not tuned."""
    gain_rounds: int = 2
    """Reweightings of the robust estimate of that factor, which starts at 1; not tuned."""
    weight_base: float = 1.0
    weight_peak: float = 2.0
    weight_support_px: float = 20.0
    """The paper's W: base and a Gaussian (sigma a third of its support) on both transverse processes and the spinous
    one. Support as published; the heights were never published and are not tuned."""
    landmark_robust_sigmas: float = 2.0
    """Error in sigmas from which a landmark pulls no stronger: one that was taken for its neighbour must not decide.
    The prototype's, not tuned since."""
    least_landmark_sigma_px: float = 0.1
    """Keeps the weight of one landmark finite in the initial pose; not tuned."""
    coefficient_limit_sd: float = 3.5
    """One coefficient in two thousand lies beyond by itself; what asks for more is no vertebra of the population."""
    damping: float = 1e-3
    """Levenberg's, at the start and at least; the prototype's, not tuned since."""
    damping_up: float = 30.0
    damping_down: float = 4.0
    """A refused step costs a rendering and nothing is learned: up fast, down slowly. Up was 8 until the joint prior
    came; no comparison is kept."""
    relative_decrease: float = 2e-3
    """A step of the pyramid ends where the cost falls by less, on pixels of 2; see ``optimise.minimise``."""
    step_translation_mm: float = 4.0
    step_rotation_rad: float = 0.15
    step_coefficient_sd: float = 1.5
    """Longest step, whole: further away the linear model of the image holds no longer. The prototype's, not tuned
    since."""
    roi_margin_px: int = 24
    """Beyond the projected start on each side: three pixels of the coarsest step, for the vertebra to move into. Not
    tuned."""
    jacobian_cell_px: int = 4
    """Columns of the Jacobian are smooth, so coarse cells hold them and save most of the time; not tuned."""
    minimum_confidence: float = 0.1
    """Nothing was found that a fit could start from. A detector of ours has refused long before."""
    minimum_landmarks: int = 4
    """Three that are not in a line fix a rigid pose; one more, so that one error can be noticed."""
    maximum_ray_distance_mm: float = 40.0
    """Rays further apart than this do not show the same landmark; the landmark is left out."""
    silhouette_opacity: float = 0.1
    """From which a pixel belongs to a vertebra: 2.9 mm of bone. Not tuned."""
    noise_correlation_px2: float = 200.0
    """Image area over which residuals are one observation. With 150 to 200 the posterior's surface error equals the
    true one on simulated instances from outside the model, with good and with bad images."""
    noise_floor: float = 0.01
    """RMS residual in opacity below which no image is believed: a perfect one must not make the posterior vanish. Not
    tuned."""
    neighbour_surprise_limit: float = 1.25
    """Above it a level contradicts the others (deformed, or badly seen) and is fitted by itself. Held-out drawn people
    show 0.6-1.1, a body that lost a third of its front 1.2-1.7 (``benchmarks.joint_prior``)."""
    threads: int = 2
    """Of one fit; nothing but time depends on it."""
    bobyqa_evaluations: int = 1000
    """After about as many its error is within 0.01 mm of its least (``benchmarks.registration``)."""
    bobyqa_modes: int = 14
    """The paper's."""
    bobyqa_tolerance: float = 1e-4
    """Relative to the first steps: where NLopt stops by itself."""
