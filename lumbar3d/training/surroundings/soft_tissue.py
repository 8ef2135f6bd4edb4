"""Soft tissue on a film, in millimetres of muscle: real trunks, the simulator's, cylinders, random fields, mixtures."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.training.radiographs.fields import gaussian_blur
from lumbar3d.training.surroundings.components import Parts
from lumbar3d.training.surroundings.noise import Noise, about, elastic, warp

KINDS = {"trunk": 0.38, "simulator": 0.22, "blended": 0.12, "cylinder": 0.10, "field": 0.13, "flat": 0.05}
"""Share of each kind of soft tissue; without real trunks theirs falls to the others."""
BLEND_MM = (8.0, 30.0)
"""At the detector: what is coarser comes from one body, what is finer from another."""
PITCH_MM = 1.668
"""Of the pixels of a film 256 wide."""
LEAST_MM = 24.0
"""A film's patient is never thinner than this where there is one."""


class SoftTissue:
    """Draws the soft tissue of one film after the other.

    Parameters
    ----------
    noise : Noise
    rng : numpy.random.Generator
    """

    def __init__(self, noise: Noise, rng: np.random.Generator) -> None:
        self._noise, self._rng, self._size = noise, rng, noise.size
        self._px, self._v, self._u = noise.px, noise.v, noise.u

    def draw(self, own: Parts, other: Parts) -> tuple[Image, str]:
        """One film's soft tissue (size, size), and its kind.

        Parameters
        ----------
        own, other : Parts
            Of the patient, and of somebody else in the same view.
        """
        rng = self._rng
        names = [kind for kind in KINDS if kind not in ("trunk", "blended") or "trunk_soft" in own.soft]
        shares = np.array([KINDS[kind] for kind in names])
        kind = str(rng.choice(names, p=shares / shares.sum()))
        base = self._base(kind, own, other)
        soft = self._embellished(base, 0.3 if kind in ("trunk", "blended") else 0.5)
        if rng.random() < 0.2:
            soft = gaussian_blur(np.ascontiguousarray(soft), self._px * rng.uniform(1.0, 9.0))
        soft = np.where(base > 20.0, np.maximum(soft, LEAST_MM), base)
        return np.asarray(np.maximum(soft, LEAST_MM if kind in ("field", "flat") else 0.0), dtype=np.float32), kind

    def plain(self, own: Parts) -> tuple[Image, str]:
        """The patient's own body as it is, real where there is one."""
        kind = "trunk" if "trunk_soft" in own.soft and self._rng.random() < 0.5 else "simulator"
        soft = own.soft["trunk_soft" if kind == "trunk" else "soft"] * np.float32(self._rng.uniform(0.8, 1.1))
        return np.asarray(soft, dtype=np.float32), kind

    def _base(self, kind: str, own: Parts, other: Parts) -> Image:
        rng = self._rng
        if kind == "trunk":
            return self._body(own if rng.random() < 0.75 else other, "trunk_soft")
        if kind == "simulator":
            return self._body(own if rng.random() < 0.6 else other, "soft")
        if kind == "blended":
            names = ["trunk_soft", "soft"] if rng.random() < 0.7 else ["soft", "trunk_soft"]
            one, two = (self._body(part, name) for part, name in zip((own, other), names, strict=True))
            sigma = self._px * rng.uniform(*BLEND_MM) / PITCH_MM
            return np.asarray(gaussian_blur(one, sigma) + two - gaussian_blur(two, sigma))
        if kind == "cylinder":
            return self._cylinder()
        flat = np.full((self._size, self._size), rng.uniform(120.0, 330.0), dtype=np.float32)
        if kind == "field":
            flat = flat + np.float32(rng.uniform(5, 50)) * self._noise("slow")
            flat = flat + np.float32(rng.uniform(0, 7)) * self._noise("pink")
        return flat

    def _body(self, part: Parts, name: str) -> Image:
        """A body's soft tissue as it is, or moved and bent as if it stood elsewhere."""
        rng = self._rng
        image = part.soft.get(name, part.soft["soft"]) * np.float32(rng.uniform(0.75, 1.2))
        if rng.random() < 0.5:
            return np.ascontiguousarray(image)
        middle = np.full(2, self._size / 2)
        shift, scale = self._px * rng.normal(0.0, 10.0, 2), float(np.exp(rng.normal(0.04, 0.1)))
        where = about(middle, scale, rng.normal(0.0, 0.05), shift, float(np.exp(rng.normal(0.0, 0.08))))
        result: Image = warp(image[None], where, elastic(self._size, 4.0 * self._px, rng))[0]
        return result

    def _cylinder(self) -> Image:
        rng, k = self._rng, self._px
        half, centre = k * rng.uniform(85.0, 190.0), self._size / 2 + k * rng.normal(0.0, 15.0)
        across = ((self._u - centre) / half) ** 2
        along = ((self._v - self._size / 2) / (k * rng.uniform(300.0, 3000.0))) ** 2
        return np.asarray(rng.uniform(130.0, 360.0) * np.sqrt(np.clip(1.0 - across - along, 0.0, 1.0)))

    def _embellished(self, soft: Image, often: float) -> Image:
        """With slow shading, texture, organs with edges, gas and stool, and now and then a grating, each ``often``."""
        rng = self._rng
        if rng.random() < often:
            soft = soft + np.float32(rng.uniform(3.0, 30.0)) * self._noise("slow")
        if rng.random() < often:
            soft = soft + np.float32(rng.uniform(0.5, 6.0)) * self._noise("pink")
        if rng.random() < often:
            soft = soft + self._organs()
        if rng.random() < often:
            soft = soft - self._gas()
        if rng.random() < 0.25 * often:
            soft = soft + self._grating()
        return soft

    def _organs(self) -> Image:
        """Ellipses with more or less steep edges."""
        rng, k = self._rng, self._px
        total = np.zeros((self._size, self._size), dtype=np.float32)
        for _ in range(int(rng.integers(1, 7))):
            radius = self._elliptic(rng.uniform(0, self._size, 2), k * rng.uniform(15, 110), k * rng.uniform(10, 60))
            depth = rng.choice([-1.0, 1.0, 1.0]) * rng.uniform(5.0, 45.0)
            total += np.float32(depth) * np.clip(1.0 - radius, 0.0, 1.0) ** np.float32(rng.uniform(0.3, 0.7))
        return total

    def _elliptic(self, centre: Array, half_v: float, half_u: float) -> Image:
        """Squared distance from a centre in units of turned half axes."""
        turn = self._rng.uniform(-1.6, 1.6)
        v, u = self._v - np.float32(centre[0]), self._u - np.float32(centre[1])
        along, across = v * np.cos(turn) + u * np.sin(turn), u * np.cos(turn) - v * np.sin(turn)
        return np.asarray((along / half_v) ** 2 + (across / half_u) ** 2, dtype=np.float32)

    def _gas(self) -> Image:
        """Where a random field is high, tissue is missing: loops with edges, or mottled like stool."""
        rng = self._rng
        total = np.zeros((self._size, self._size), dtype=np.float32)
        for _ in range(int(rng.integers(1, 3))):
            inside = np.clip((self._noise("blob") - rng.uniform(0.7, 1.9)) * rng.uniform(1.5, 12.0), 0.0, 1.0)
            window = np.clip(0.5 + 0.8 * self._noise("slow"), 0.0, 1.0)
            if rng.random() < 0.3:
                inside = inside * (1.0 + 0.6 * self._noise("fine"))
            total += np.float32(rng.uniform(10.0, 60.0)) * inside * window
        return total

    def _grating(self) -> Image:
        """Waves: skin folds, cloth, grids."""
        rng = self._rng
        period, turn = self._px * rng.uniform(5.0, 50.0), rng.uniform(0.0, np.pi)
        phase = 2 * np.pi * (self._v * np.cos(turn) + self._u * np.sin(turn)) / period + rng.uniform(0.0, 6.3)
        wave = np.sin(phase + 0.6 * self._noise("slow"))
        return np.asarray(rng.uniform(1.0, 8.0) * wave * np.clip(0.5 + self._noise("slow"), 0.0, 1.0), dtype=np.float32)
