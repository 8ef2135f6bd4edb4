"""Noise fields of unit variance, and pictures moved, turned and bent: raw material of invented surroundings."""

from __future__ import annotations

import numba
import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.training.radiographs.fields import enlarge

BANK = 6
"""Fields of each kind; every use rolls, turns and mixes two of them."""
SPECTRA = {"slow": (2.6, 1.0, 0.0), "pink": (1.7, 2.0, 0.0), "fine": (1.0, 6.0, 0.0), "blob": (2.2, 3.5, 24.0)}
"""Exponent of the fall-off, frequency (periods per film) from which it falls, and where it is cut off (0: nowhere)."""


class Noise:
    """Endless random fields of the kinds ``SPECTRA``, (size, size), mean about 0, SD 1.

    Attributes
    ----------
    size : int
    px : float
        Pixels here to one of a film 256 wide.
    v, u : (size, size) float32
        Row and column of each pixel.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self._rng, self.size, self.px = rng, size, size / 256.0
        self.v, self.u = np.mgrid[:size, :size].astype(np.float32)
        frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]) * size
        self._bank = {kind: self._fields(frequency, *spectrum) for kind, spectrum in SPECTRA.items()}

    def _fields(self, frequency: Array, exponent: float, low: float, cut: float) -> list[Image]:
        shape = 1.0 / (low**2 + frequency**2) ** (exponent / 2)
        if cut:
            shape = shape * np.exp(-((frequency / cut) ** 2))
        shape[0, 0] = 0.0
        fields = []
        for _ in range(BANK):
            white = self._rng.standard_normal((self.size, self.size))
            field = np.fft.irfft2(np.fft.rfft2(white) * shape, s=white.shape)
            fields.append((field / field.std()).astype(np.float32))
        return fields

    def __call__(self, kind: str) -> Image:
        """Another field."""
        rng, fields, parts = self._rng, self._bank[kind], []
        for _ in range(2):
            field = fields[int(rng.integers(len(fields)))]
            field = np.roll(field, rng.integers(self.size, size=2).tolist(), (0, 1))
            field = np.rot90(field, int(rng.integers(4)))
            parts.append(field[:, ::-1] if rng.random() < 0.5 else field)
        share = rng.uniform(0.2, 0.8)
        mixed = (share * parts[0] + (1.0 - share) * parts[1]) / np.hypot(share, 1.0 - share)
        return np.ascontiguousarray(mixed, dtype=np.float32)


def cellular(size: int, cell_px: float, rng: np.random.Generator) -> Image:
    """Cells with walls (distance to the nearest of random points over the second), 0 to 1; never in training."""
    count = max(int((1.5 * size / cell_px) ** 2), 4)
    points = rng.uniform(-0.25 * size, 1.25 * size, (count, 2))
    return np.asarray(_cells(size, points), dtype=np.float32)


@numba.njit(cache=True, nogil=True)
def _cells(size: int, points: Array) -> Image:
    out = np.zeros((size, size), dtype=np.float32)
    for row in range(size):
        for column in range(size):
            first, second = 1e18, 1e18
            for k in range(len(points)):
                d = (points[k, 0] - row) ** 2 + (points[k, 1] - column) ** 2
                if d < first:
                    first, second = d, first
                elif d < second:
                    second = d
            out[row, column] = np.float32(np.sqrt(first / second))
    return out


@numba.njit(cache=True, nogil=True, fastmath=True)
def _warp(stack: Image, source_from_target: Array, bend: Image) -> Image:
    """Bilinear: out[:, v, u] = stack at source_from_target @ (v, u, 1) + bend[:, v, u]; 0 outside."""
    count, rows, columns = stack.shape
    out = np.zeros_like(stack)
    m = source_from_target
    for row in range(rows):
        for column in range(columns):
            v = m[0, 0] * row + m[0, 1] * column + m[0, 2] + bend[0, row, column]
            u = m[1, 0] * row + m[1, 1] * column + m[1, 2] + bend[1, row, column]
            if v < 0.0 or u < 0.0 or v > rows - 1.001 or u > columns - 1.001:
                continue
            i, j = int(v), int(u)
            a, b = np.float32(v - i), np.float32(u - j)
            for n in range(count):
                top = stack[n, i, j] * (1 - b) + stack[n, i, j + 1] * b
                low = stack[n, i + 1, j] * (1 - b) + stack[n, i + 1, j + 1] * b
                out[n, row, column] = top * (1 - a) + low * a
    return out


def warp(stack: Image, source_from_target: Array, bend: Image | None = None) -> Image:
    """Pictures (n, size, size) resampled by an affine map (2, 3) of (v, u, 1) and a displacement (2, size, size)."""
    rows, columns = stack.shape[1:]
    if bend is None:
        bend = np.zeros((2, rows, columns), dtype=np.float32)
    return np.asarray(_warp(np.ascontiguousarray(stack, dtype=np.float32), source_from_target, bend))


def about(centre: Array, scale: float = 1.0, turn: float = 0.0, shift: Array | None = None, wide: float = 1.0) -> Array:
    """Map (2, 3) for ``warp`` that scales and turns a picture about a point (v, u) and then shifts it, pixels."""
    c, s = np.cos(turn) / scale, np.sin(turn) / scale
    linear = np.array([[c, s], [-s / wide, c / wide]])
    target = np.asarray(centre, dtype=float) + (0.0 if shift is None else np.asarray(shift))
    return np.column_stack([linear, centre - linear @ target])


def elastic(size: int, sd_px: float, rng: np.random.Generator) -> Image:
    """Smooth random displacement (2, size, size)."""
    waves = rng.standard_normal((2, 8, 8)).astype(np.float32)
    return np.stack([np.float32(sd_px) * enlarge(wave, size // 8) for wave in waves])
