"""Presentation processing of the detector's logarithm, as vendors do it: background, edges, window, curve, shutters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Image, Mask
from lumbar3d.training.radiographs.exposure import GRID_PITCH_MM
from lumbar3d.training.radiographs.fields import gaussian_blur

CURVES = ("linear", "sigmoid", "film", "log")


@dataclass(frozen=True)
class Presentation:
    """Processing of one film; lengths at the detector.

    Attributes
    ----------
    equalisation, equalisation_mm : float
        Share of the slow background that is taken away, and how slow it is (dynamic range compression).
    edge, edge_mm : float
        Gain and scale of the edge enhancement.
    smoothing_mm : float
        SD of the noise filter.
    window : (float, float)
        Percentiles that become black and white, taken inside the patient over the middle ``window_width`` of the film.
    curve : str
        Of ``CURVES``: the shape of the tone curve, mixed in by ``curve_share``.
    curve_share : float
    middle_grey : float
        Where the middle of the patient lies between black and white; a power curve puts it there.
    grey_levels : int
        Stored grey values between black and white.
    monochrome1 : bool
        The file stores white as zero; the reader turns it back, so pixels here stay bone bright.
    """

    equalisation: float
    equalisation_mm: float
    edge: float
    edge_mm: float
    smoothing_mm: float
    window: tuple[float, float]
    window_width: float
    curve: str
    curve_share: float
    middle_grey: float
    grey_levels: int
    monochrome1: bool


def draw_presentation(rng: np.random.Generator) -> Presentation:
    """From raw and flat to strongly processed."""
    return Presentation(
        equalisation=1.0 - rng.uniform(0.03, 0.62) ** 1.5,
        equalisation_mm=rng.uniform(15.0, 60.0),
        edge=rng.uniform(0.1, 1.2) if rng.random() < 0.5 else 0.0,
        edge_mm=rng.uniform(0.7, 3.5),
        smoothing_mm=rng.uniform(0.3, 0.8) if rng.random() < 0.25 else 0.0,
        window=(rng.uniform(0.2, 7.0), rng.uniform(97.5, 99.95)),
        window_width=float(rng.choice([0.35, 0.6, 1.0], p=[0.45, 0.35, 0.2])),
        curve=str(rng.choice(CURVES)),
        curve_share=rng.uniform(0.0, 0.8),
        middle_grey=rng.uniform(0.3, 0.72),
        grey_levels=int(rng.choice([255, 1023, 4095, 16383], p=[0.15, 0.2, 0.5, 0.15])),
        monochrome1=bool(rng.random() < 0.2),
    )


def tone(scaled: Image, curve: str) -> Image:
    """Tone curves on [0, 1], all from 0 to 1."""
    inside = np.clip(scaled, 0.0, 1.0)
    if curve == "sigmoid":
        return np.asarray(0.5 + 0.5 * np.tanh(3.0 * (inside - 0.5)) / np.tanh(1.5))
    if curve == "film":
        return np.asarray(1.0 - (1.0 - inside) ** 1.8)
    if curve == "log":
        return np.asarray(np.log1p(4.0 * inside) / np.log(5.0))
    return inside


def present(film: Image, patient: Mask, how: Presentation, pitch_mm: float = GRID_PITCH_MM) -> Image:
    """Film for presentation, bone bright, [0, 1].

    Parameters
    ----------
    film : (rows, columns) float32
        -ln(counts).
    patient : (rows, columns) bool
        Beside it everything is as dark as its darkest point.
    how : Presentation
    pitch_mm : float
        Of the pixels at the detector.
    """
    if patient.any():
        film = np.where(patient, film, film[patient].min())
    film = gaussian_blur(film, how.smoothing_mm / pitch_mm)
    processed = film - how.equalisation * _background(film, patient, how.equalisation_mm / pitch_mm)
    if how.edge > 0.0:
        processed += how.edge * (film - gaussian_blur(film, how.edge_mm / pitch_mm))
    low, middle, high = np.percentile(
        _looked_at(processed, patient, how.window_width), (how.window[0], 50.0, how.window[1])
    )
    scaled = np.append(np.clip((processed - low) / (high - low), 0.0, 1.0), (middle - low) / (high - low))
    mixed = (1.0 - how.curve_share) * scaled + how.curve_share * tone(scaled, how.curve)
    power = np.clip(np.log(how.middle_grey) / np.log(mixed[-1].clip(0.01, 0.99)), 0.4, 4.0)
    stored = np.round(np.power(mixed[:-1], power) * how.grey_levels) / how.grey_levels
    return np.asarray(stored.reshape(film.shape), dtype=np.float32)


def _background(film: Image, patient: Mask, sigma_px: float) -> Image:
    """Slow average over the patient alone, so that the skin line does not glow."""
    share = gaussian_blur(patient.astype(np.float32), sigma_px)
    return np.asarray(gaussian_blur(np.where(patient, film, np.float32(0.0)), sigma_px) / np.maximum(share, 0.05))


def _looked_at(film: Image, patient: Mask, width: float) -> Image:
    """Some pixels of the patient in the middle of the film."""
    edge = int(0.5 * (1.0 - width) * film.shape[1])
    part = np.s_[::3, edge : film.shape[1] - edge : 3]
    return film[part][patient[part]] if patient[part].any() else film[part].ravel()


@dataclass(frozen=True)
class Shutters:
    """The borders of what is shown, as shares of the film: left, top, right, bottom; outside is black or white."""

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    white: bool = False

    def window(self, rows: int, columns: int) -> tuple[slice, slice]:
        """Rows and columns that are shown."""
        return (
            slice(int(self.top * rows), rows - int(self.bottom * rows)),
            slice(int(self.left * columns), columns - int(self.right * columns)),
        )

    def closed_further(self, rng: np.random.Generator) -> Shutters:
        """Closed from above or below so far that it hides vertebrae."""
        above, share = rng.random() < 0.5, float(rng.uniform(0.2, 0.45))
        return replace(self, top=share) if above else replace(self, bottom=share)

    def applied(self, film: Image) -> Image:
        """The film with everything outside exactly black (or white)."""
        out = np.full_like(film, film.max() if self.white else film.min())
        inside = self.window(*film.shape)
        out[inside] = film[inside]
        return out


def draw_shutters(rng: np.random.Generator) -> Shutters:
    """Half of the films are collimated or end early."""
    if rng.random() < 0.45:
        return Shutters()
    reach, share = [0.26, 0.07, 0.26, 0.07], [0.7, 0.6, 0.7, 0.6]
    left, top, right, bottom = (rng.uniform(0.0, reach) * (rng.random(4) < share)).tolist()
    return Shutters(left, top, right, bottom, white=bool(rng.random() < 0.12))
