"""Laterality test: whether the AP film was mirrored left to right, by the landmarks, then by the images.

The landmarks (``laterality_landmarks``) say little where the spine is near the middle of the film. The images of the
vertebrae say more: size, tilt and the two sides of each vertebra have to agree in both views, too. So the first steps
of the fit, poses and a few modes, are done with the film as sent and with the film mirrored
(``registration.rough_fits``), and the costs that are left in each view are compared. The verdict is

    log odds = a l + b log(lat as sent / lat mirrored) + c log(ap as sent / ap mirrored),

l being the landmarks' log-likelihood ratio and a, b, c a logistic regression on held-out simulated patients
(``python -m benchmarks.mirror --first 600``). c is negative: what is wrong for other reasons spoils both views alike,
the wrong side of the AP film shows in the lateral one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lumbar3d.arrays import Array
from lumbar3d.detection.result import Detection
from lumbar3d.errors import ViewNotRecognisedError
from lumbar3d.refusal.laterality_landmarks import mirrored_ap_log_ratio

AP_PERHAPS_MIRRORED = "ap_perhaps_mirrored"


@dataclass(frozen=True)
class LateralityConstants:
    """Weights of both opinions, and how sure one must be.

    ``python -m benchmarks.mirror --first 600`` prints what the weights and limits were chosen from.

    Attributes
    ----------
    landmarks, lat, ap : float
        Weights a, b, c of the log odds.
    settled_ratio : float
        Below this log-likelihood ratio of the landmarks the images are not asked: the film is as it should be.
    doubtful_odds, certain_odds : float
        Log odds (before anything is known of how often films are mirrored) from which an answer asks for review, and
        from which there is none.
    """

    landmarks: float = 0.48
    lat: float = 53.0
    ap: float = -24.0
    settled_ratio: float = -10.0
    doubtful_odds: float = 3.0
    certain_odds: float = 7.0


CONSTANTS = LateralityConstants()


def mirrored_ap_log_odds(detection: Detection, image_log_ratios: Callable[[], Array]) -> float:
    """Log odds that the AP film of a pair was mirrored left to right, to a prior of one half.

    Parameters
    ----------
    detection : Detection
    image_log_ratios : callable
        (2,) log of the image cost as sent over that with the AP film mirrored, AP and LAT; asked only where the
        landmarks leave it open. What it raises passes through.
    """
    ratio = mirrored_ap_log_ratio(detection)
    if ratio < CONSTANTS.settled_ratio:
        return CONSTANTS.landmarks * ratio
    ap, lat = image_log_ratios()
    return float(CONSTANTS.landmarks * ratio + CONSTANTS.lat * lat + CONSTANTS.ap * ap)


def refuse_mirrored(log_odds: float) -> None:
    """Stop where both views fit together only if the AP film is mirrored.

    Raises
    ------
    ViewNotRecognisedError
        The log odds are too large.
    """
    if log_odds > CONSTANTS.certain_odds:
        raise ViewNotRecognisedError(
            "the AP image seems to be mirrored left to right (or the calibration does not belong to it)"
        )


def laterality_notes(log_odds: float) -> tuple[str, ...]:
    """``ap_perhaps_mirrored`` where a person should look which way round the AP film is."""
    return (AP_PERHAPS_MIRRORED,) if log_odds > CONSTANTS.doubtful_odds else ()
