"""Thresholds of the refusals that follow from what the networks say of two films."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RefusalConstants:
    """Thresholds of the first refusal; registration and quality judge again.

    ``python -m benchmarks.network_refusal --first 600 --choose`` prints what they were chosen from.

    Attributes
    ----------
    least_confidence, least_mean_confidence : float
        Of the weakest level and of the five together, per view. Of validation patients' films in the surroundings of
        training, most of them wilder than any real film, 19 in 20 reach 0.44 and 0.56 where the levels are read right;
        none that is read wrongly reaches 0.3 and 0.5. The second limit is higher because of a real film whose names
        are shifted at 0.59; all that is in doubt has a second limit:
    clear_confidence, clear_mean_confidence : float
        The same for what leaves no doubt. Below it, other ways to read a film are tried; one that is better tells what
        is wrong with it. A film that could be answered is refused only for one that is clear.
    better_by : float
        Mean confidence that such a way has to gain.
    least_count_confidence : float
        Of a number of vertebrae, to be named.
    least_view_names, least_view_names_of_two, least_names : float
        Probability of the names: of a film that there is no other with, of one of two films, of both together.
    largest_ray_distance_mm : float
        Median over the levels of the distance between the two rays through a vertebra's centre.
    largest_level_ray_distance_mm : float
        The same of any level: vertebrae lie some 35 mm apart, so one view's level is another one's in the other.
    unusual_novelty, largest_novelty : float
        Novelty (``detection.out_of_distribution``) from which an answer asks for review, and from which there is
        none: above true
        films (1.1), and above films of a lumbar spine however they are spoiled (2.1). Noise has 2.1 to 3.2.
    """

    least_confidence: float = 0.35
    least_mean_confidence: float = 0.6
    clear_confidence: float = 0.6
    clear_mean_confidence: float = 0.7
    better_by: float = 0.1
    least_count_confidence: float = 0.95
    least_view_names: float = 0.7
    least_view_names_of_two: float = 0.5
    least_names: float = 0.9
    largest_ray_distance_mm: float = 15.0
    largest_level_ray_distance_mm: float = 20.0
    unusual_novelty: float = 1.25
    largest_novelty: float = 2.5


CONSTANTS = RefusalConstants()
