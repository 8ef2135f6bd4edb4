"""From attenuation to a film for presentation: beam, scatter, noise, processing, collimation, markers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.radiographs.fields import gaussian_blur

Image = NDArray[np.float32]

AIR = 0.5
"""Below this attenuation a pixel lies beside the patient."""


@dataclass(frozen=True)
class Technique:
    """One exposure and its processing; all drawn anew for every view.

    Attributes
    ----------
    photons : float
        Quanta per pixel of the 0.834 mm grid behind the average patient.
    scatter_ratio, scatter_sigma_px : float
        Scatter over primary after the grid, and its width.
    blur_px : float
        Focal spot, detector and motion.
    enhancement, enhancement_sigma_px : float
        Share of the slow background taken away by the processing.
    window : (float, float)
        Percentiles of the grey values inside the patient that the presentation shows.
    curve, gamma : float
        Strength of the sigmoid and exponent of the presentation curve.
    """

    photons: float
    scatter_ratio: float
    scatter_sigma_px: float
    blur_px: float
    enhancement: float
    enhancement_sigma_px: float
    window: tuple[float, float]
    curve: float
    gamma: float

    def at_pitch(self, finer: float) -> Technique:
        """The same exposure on pixels ``finer`` times smaller."""
        return replace(
            self,
            photons=self.photons / finer**2,
            scatter_sigma_px=self.scatter_sigma_px * finer,
            blur_px=self.blur_px * finer,
            enhancement_sigma_px=self.enhancement_sigma_px * finer,
        )


def draw_technique(rng: np.random.Generator) -> Technique:
    """From sharp and clean to soft, grey and noisy."""
    return Technique(
        photons=float(np.exp(rng.uniform(np.log(1.5e3), np.log(1.0e5)))),
        scatter_ratio=rng.uniform(0.05, 1.1),
        scatter_sigma_px=rng.uniform(35.0, 75.0),
        blur_px=rng.uniform(0.15, 1.1),
        enhancement=1.0 - rng.uniform(0.03, 0.5) ** 1.3,
        enhancement_sigma_px=rng.uniform(18.0, 70.0),
        window=(rng.uniform(0.2, 6.0), rng.uniform(98.5, 99.9)),
        curve=rng.uniform(0.0, 0.8),
        gamma=float(np.exp(rng.normal(0.0, 0.3))),
    )


def develop(attenuation: Image, technique: Technique, rng: np.random.Generator) -> Image:
    """Bone-bright film for presentation, arbitrary grey units, from the water-like attenuation -ln(I/I0).

    Parameters
    ----------
    attenuation : (rows, columns) float32
    technique : Technique
    rng : numpy.random.Generator
        For the quantum and electronic noise.
    """
    soft, hard = np.exp(-1.12 * attenuation), np.exp(-0.86 * attenuation)
    primary = 0.45 * soft + 0.55 * hard
    primary = gaussian_blur(primary.astype(np.float32), technique.blur_px)
    patient = attenuation > AIR
    typical = float(np.median(primary[patient])) if patient.any() else 1.0
    scatter = technique.scatter_ratio * gaussian_blur(np.minimum(primary, 3.0 * typical), technique.scatter_sigma_px)
    signal = (primary + scatter) / typical
    quanta = technique.photons * signal
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    counts = np.maximum(quanta + np.sqrt(quanta + 9.0) * noise, 1.0)
    return _process(-np.log(counts).astype(np.float32), patient, technique)


def _process(film: Image, patient: NDArray[np.bool_], technique: Technique) -> Image:
    film = np.where(patient, film, film[patient].min()) if patient.any() else film
    film = film - technique.enhancement * gaussian_blur(film, technique.enhancement_sigma_px)
    low, high = np.percentile(film[::3, ::3][patient[::3, ::3]], technique.window)
    scaled = (film - low) / (high - low)
    sigmoid = 1.0 / (1.0 + np.exp(-5.0 * (scaled - 0.5)))
    mixed = (1.0 - technique.curve) * np.clip(scaled, 0.0, 1.3) + technique.curve * sigmoid
    return np.asarray(np.power(np.maximum(mixed, 0.0), technique.gamma), dtype=np.float32)


def add_objects(attenuation: Image, rng: np.random.Generator) -> None:
    """Now and then a metal marker letter, a clip or a wire, in place."""
    rows, columns = attenuation.shape
    scale = columns / 512
    for _ in range(rng.poisson(0.5)):
        row, column = int(rng.uniform(0.04, 0.92) * rows), int(rng.uniform(0.02, 0.94) * columns)
        height, width = (max(1, int(size * scale)) for size in rng.uniform([3, 2], [22, 14]))
        attenuation[row : row + height, column : column + width] += rng.uniform(0.3, 2.0)
    if rng.random() < 0.5:
        _add_letter(attenuation, rng)


def _add_letter(attenuation: Image, rng: np.random.Generator) -> None:
    """A lead L or R near a border."""
    scale = attenuation.shape[1] / 512
    size = int(rng.uniform(14, 30) * scale)
    letter = np.zeros((size, size), dtype=np.float32)
    stroke = max(2, size // 6)
    letter[:, :stroke] = 1.0
    if rng.random() < 0.5:
        letter[-stroke:, :] = 1.0
    else:
        letter[:stroke, :] = letter[size // 2 : size // 2 + stroke, :] = 1.0
        letter[:, -stroke:] = 1.0
    row = int(rng.integers(10, attenuation.shape[0] - size - 10))
    edge = int(rng.uniform(8, 70) * scale)
    column = edge if rng.random() < 0.5 else attenuation.shape[1] - size - edge
    attenuation[row : row + size, column : column + size] += 2.5 * letter


def collimate(film: Image, rng: np.random.Generator) -> Image:
    """Shutters or the film's border: some of the outside becomes exactly black (rarely white)."""
    if rng.random() < 0.45:
        return film
    rows, columns = film.shape
    out = np.full_like(film, film.max() if rng.random() < 0.12 else film.min())
    left, right = rng.uniform(0.0, 0.26, 2) * columns * (rng.random(2) < 0.7)
    top, bottom = rng.uniform(0.0, 0.07, 2) * rows * (rng.random(2) < 0.6)
    inside = np.s_[int(top) : int(rows - bottom), int(left) : int(columns - right)]
    out[inside] = film[inside]
    return out
