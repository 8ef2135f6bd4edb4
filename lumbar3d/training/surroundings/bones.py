"""Bones around the lumbar vertebrae on a film: chest and pelvis, independent of each other and of the soft tissue."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.detection.decode import MARKS
from lumbar3d.training.radiographs.fields import gaussian_blur
from lumbar3d.training.surroundings.components import Parts
from lumbar3d.training.surroundings.limb import limb
from lumbar3d.training.surroundings.noise import Noise, about, elastic, warp

CHESTS = {"trunk": 0.3, "simulator": 0.14, "wide": 0.2, "real": 0.14, "other": 0.06, "curves": 0.08, "no ribs": 0.05}
CHESTS |= {"nothing": 0.03}
PELVES = {"trunk": 0.26, "real": 0.28, "simulator": 0.14, "other": 0.06, "stacked": 0.18, "plates": 0.03, "none": 0.05}
"""Share of each kind; those that need real bodies fall away without them. ``stacked``: S1 to S3 as bright as L5."""
PLAIN_CHESTS = {"trunk": 0.25, "simulator": 0.15, "wide": 0.4, "real": 0.2}
PLAIN_PELVES = {"trunk": 0.2, "real": 0.5, "simulator": 0.1, "stacked": 0.2}
BARE_SHARE = 0.03
"""Of films with nothing but vertebrae. Five alone are L1 to L5; with thoracic ones above nobody can tell the levels."""
T12, L6, S1, T11, T10 = (MARKS.index(name) for name in ("T12", "L6", "S1", "T11", "T10"))


@dataclass(eq=False)
class BoneDrawing:
    """Dense bone of everything but the lumbar vertebrae, and what of it can be named.

    Attributes
    ----------
    image : (size, size) float32
        mm.
    marks : (5, 2) float64
    known : (5,) float
        1 where the mark is shown, 0 where it is not there, -1 where nobody can say.
    named : bool
        Whether the film tells which vertebra is which.
    kinds : mapping of str to str
        What was chosen.
    """

    image: Image
    marks: Array
    known: Array
    named: bool = True
    kinds: dict[str, str] = field(default_factory=dict)


class Bones:
    """Draws the bones of one film after the other.

    Parameters
    ----------
    noise : Noise
    rng : numpy.random.Generator
    """

    def __init__(self, noise: Noise, rng: np.random.Generator) -> None:
        self._noise, self._rng, self._size = noise, rng, noise.size
        self._px, self._v, self._u = noise.px, noise.v, noise.u

    def draw(self, own: Parts, other: Parts) -> BoneDrawing:
        """Chest, pelvis, deposits, and now and then bones where none belong.

        Parameters
        ----------
        own, other : Parts
            Of the patient, and of somebody else in the same view.
        """
        drawn = BoneDrawing(np.zeros_like(own.lumbar), own.marks.copy(), np.ones(len(MARKS)))
        bare = self._rng.random() < BARE_SHARE
        chest = str(self._rng.choice(["no ribs", "nothing"])) if bare else self._chosen(CHESTS, own)
        pelvis = "none" if bare else self._chosen(PELVES, own)
        drawn.kinds = {"chest": chest, "pelvis": pelvis}
        self._add_chest(drawn, chest, own, other)
        self._add_pelvis(drawn, pelvis, own, other)
        drawn.named = not (chest == "no ribs" and pelvis == "none")
        if self._rng.random() < 0.6:
            drawn.image += own.bones["extra"]
        if "trunk_between" in own.bones and self._rng.random() < 0.4:
            drawn.image += own.bones["trunk_between"]
        if self._rng.random() < 0.2:
            drawn.image += self._foreign(other)
        return drawn

    def plain(self, own: Parts) -> BoneDrawing:
        """A chest and a pelvis as they usually are, and no bone where none belongs."""
        drawn = BoneDrawing(np.zeros_like(own.lumbar), own.marks.copy(), np.ones(len(MARKS)))
        chest, pelvis = self._chosen(PLAIN_CHESTS, own), self._chosen(PLAIN_PELVES, own)
        drawn.kinds = {"chest": chest, "pelvis": pelvis}
        self._add_chest(drawn, chest, own, own)
        self._add_pelvis(drawn, pelvis, own, own)
        drawn.image += own.bones["extra"]
        return drawn

    def density(self, sd: float = 0.35) -> np.float32:
        """A factor around 1."""
        return np.float32(np.exp(self._rng.normal(0.0, sd)))

    def texture(self) -> Image | np.float32:
        """Uneven bone: a field around 1, or 1."""
        rng = self._rng
        if rng.random() > 0.6:
            return np.float32(1.0)
        fine, pink = rng.uniform(0.0, 0.3), rng.uniform(0.0, 0.25)
        return np.maximum(np.float32(1.0) + fine * self._noise("fine") + pink * self._noise("pink"), 0).astype(
            np.float32
        )

    def _chosen(self, shares: dict[str, float], own: Parts) -> str:
        """One kind, of those that the parts allow."""
        lacks = {"trunk": "trunk_above", "real": "real_sacrum" if shares in (PELVES, PLAIN_PELVES) else "real_ribs"}
        kinds = [kind for kind in shares if kind not in lacks or lacks[kind] in own.bones]
        weights = np.array([shares[kind] for kind in kinds])
        return str(self._rng.choice(kinds, p=weights / weights.sum()))

    def _add_chest(self, drawn: BoneDrawing, kind: str, own: Parts, other: Parts) -> None:
        """Ribs with the thoracic vertebrae above."""
        rng, bones, density = self._rng, own.bones, self.density
        if kind == "trunk":
            drawn.image += bones["trunk_above"] * density(0.3) * self._sharpening()
            self._tell_t10(drawn, own, "trunk_above")
            if rng.random() < 0.25:
                drawn.image += bones["wide_ribs"] * density(0.5)
            return
        if kind == "real":
            drawn.image += (bones["real_thoracic"] + bones["real_ribs"]) * density(0.35) * self.texture()
            self._tell_t10(drawn, own, "real_thoracic")
            drawn.known[T11] = -1.0
            return
        if kind == "nothing":
            drawn.known[[T12, T11, T10]] = 0.0
            return
        drawn.image += bones["thoracic"] * density(0.3) * self.texture()
        if rng.random() < 0.9:
            drawn.image += bones["upper"] * density(0.3)
            self._tell_t10(drawn, own, "upper")
        else:
            drawn.known[T10] = 0.0
        if kind == "simulator":
            drawn.image += bones["ribs"] * density(0.5)
        elif kind == "wide":
            drawn.image += bones["wide_ribs"] * density(0.5) * self.texture()
        elif kind == "other" and self._is_near(other.marks[T12]):
            shift = own.marks[T12] - other.marks[T12] + rng.normal(0.0, 5.0 * self._px, 2)
            name = "wide_ribs" if rng.random() < 0.6 else "ribs"
            drawn.image += self._moved(other.bones[name], other.marks[T12], shift, 5.0) * density(0.5)
        elif kind == "curves":
            drawn.image += self._curves(own.marks[T12])

    def _tell_t10(self, drawn: BoneDrawing, own: Parts, part: str) -> None:
        drawn.marks[T10] = own.t10[part]

    def _sharpening(self) -> Image | np.float32:
        """Grain on bone that coarse voxels have smoothed."""
        if self._rng.random() < 0.4:
            return np.float32(1.0)
        fine = np.float32(self._rng.uniform(0.05, 0.4)) * self._noise("fine")
        sharpened: Image = np.maximum(np.float32(1.0) + fine, 0.0).astype(np.float32)
        return sharpened

    def _add_pelvis(self, drawn: BoneDrawing, kind: str, own: Parts, other: Parts) -> None:
        """Sacrum, hip bones, femora."""
        rng, bones, density = self._rng, own.bones, self.density
        hips: Image | None = None
        if kind == "trunk":
            drawn.image += bones["trunk_below"] * density(0.3) * self._sharpening()
            return
        if kind == "real":
            drawn.image += bones["real_sacrum"] * density(0.4) * self.texture()
            hips = bones["real_pelvis"]
        elif kind == "simulator":
            drawn.image += bones["sacrum"] * density(0.5) * self.texture()
            hips = bones["pelvis"]
        elif kind == "other" and self._is_near(other.marks[S1]):
            name = "real_sacrum" if "real_sacrum" in other.bones and rng.random() < 0.6 else "sacrum"
            shift = own.marks[S1] - other.marks[S1] + rng.normal(0.0, 2.0 * self._px, 2)
            drawn.image += self._moved(other.bones[name], other.marks[S1], shift, 2.0) * density(0.5) * self.texture()
            hips = self._moved(other.bones["pelvis"], other.marks[S1], shift, 4.0)
        elif kind == "stacked" and self._is_near(other.landmarks[4]):
            drawn.image += self._stacked(own, other)
            hips = bones["real_pelvis"] if "real_pelvis" in bones and rng.random() < 0.6 else bones["pelvis"]
        else:
            drawn.known[S1] = 0.0
            if kind == "plates":
                drawn.image += self._plates(own.marks[S1])
            return
        if rng.random() < 0.85:
            drawn.image += hips * density(0.5) * self.texture()

    def _stacked(self, own: Parts, other: Parts) -> Image:
        """A sacrum that looks like more vertebrae from its plate on: bright and textured like L5, with wide alae."""
        rng = self._rng
        total = np.zeros_like(own.lumbar)
        if rng.random() < 0.85:
            name = "real_sacrum" if "real_sacrum" in own.bones and rng.random() < 0.6 else "sacrum"
            total += own.bones[name] * self.density(0.5) * self.texture()
        lateral = own.view == "lat"
        upper, lower = other.landmarks[4][0], other.landmarks[4][1]
        high = max(float(np.linalg.norm(lower - upper)), 6.0 * self._px)
        one = other.lumbar * (other.opacity[4] > 0.02)
        lean = rng.normal(0.75, 0.2) if lateral else rng.normal(0.0, 0.1)
        tall = rng.uniform(0.8, 1.05) if lateral else rng.uniform(0.55, 1.0)
        wide = rng.uniform(0.85, 1.05) if lateral else rng.uniform(0.95, 1.45)
        at, strength = own.marks[S1][::-1].copy(), self.density(0.35) * np.float32(0.8)
        start = upper[::-1]
        for k in range(int(rng.integers(1, 4))):
            small = tall * 0.82**k
            where = about(start, small, lean, at - start, wide * 0.85**k / small)
            total += warp(one[None], where)[0] * strength
            at = at + 1.08 * high * small * np.array([np.cos(lean), np.sin(lean)])
            strength = strength * np.float32(rng.uniform(0.6, 0.95))
            lean += rng.normal(0.1, 0.1) if lateral else 0.0
        return total

    def _is_near(self, points: Array) -> bool:
        return bool(np.abs(points).max() < 2 * self._size)

    def _moved(self, image: Image, about_px: Array, shift_px: Array, bend_px: float) -> Image:
        """Somebody else's bone: scaled and turned about a point (u, v), shifted, bent."""
        rng = self._rng
        where = about(about_px[::-1], float(np.exp(rng.normal(0.0, 0.13))), rng.normal(0.0, 0.12), shift_px[::-1])
        moved: Image = warp(image[None], where, elastic(self._size, bend_px * self._px, rng))[0]
        return moved

    def _curves(self, t12: Array) -> Image:
        """Rib-like bands on both sides, roughly parallel, with bright edges."""
        rng, k = self._rng, self._px
        total = np.zeros((self._size, self._size), dtype=np.float32)
        top, middle = np.clip(t12[1], -80 * k, self._size), np.clip(t12[0], 20 * k, self._size - 20 * k)
        for side in (-1.0, 1.0):
            for row in range(int(rng.integers(1, 5))):
                start = top - 28.0 * k * row + k * rng.normal(0.0, 5.0)
                drop, bend = rng.uniform(-0.3, 1.6), rng.uniform(-0.006, 0.008) / k
                x = (self._u - np.float32(middle)) * side
                half = k * rng.uniform(3.0, 6.5) * (1.0 + drop * drop) ** 0.35
                inside = np.clip(1.0 - ((self._v - (start + drop * x - bend * x * x)) / half) ** 2, 0.0, 1.0)
                shape = np.sqrt(inside) - 0.75 * np.sqrt(np.clip(inside - rng.uniform(0.2, 0.5), 0.0, 1.0))
                reach = (x > k * rng.uniform(6.0, 22.0)) & (x < k * rng.uniform(25.0, 130.0))
                total += np.float32(rng.uniform(2.0, 7.0)) * shape * reach
        return gaussian_blur(np.ascontiguousarray(total, dtype=np.float32), 0.6 * k)

    def _plates(self, s1: Array) -> Image:
        """Wing-like textured areas with a bright rim beside and below the place of S1."""
        rng, k, size = self._rng, self._px, self._size
        total = np.zeros((size, size), dtype=np.float32)
        for side in (-1.0, 1.0):
            v = np.clip(s1[1], 0.0, 1.3 * size) + k * rng.uniform(-15.0, 60.0)
            u = np.clip(s1[0], 0.0, size) + side * k * rng.uniform(15.0, 90.0)
            turn, half = rng.normal(0.0, 0.6), k * rng.uniform([25.0, 20.0], [80.0, 60.0])
            dv, du = self._v - np.float32(v), self._u - np.float32(u)
            along, across = dv * np.cos(turn) + du * np.sin(turn), du * np.cos(turn) - dv * np.sin(turn)
            radius = (along / half[0]) ** 2 + (across / half[1]) ** 2 + 0.25 * self._noise("blob")
            inside = 1.0 / (1.0 + np.exp(np.clip((radius - 1.0) * rng.uniform(15.0, 60.0), -40.0, 40.0)))
            rim = np.exp(-(((radius - 0.95) / rng.uniform(0.03, 0.12)) ** 2))
            area = rng.uniform(2.0, 9.0) * inside * (1.0 + 0.25 * self._noise("fine"))
            total += np.asarray(area + rng.uniform(0.0, 10.0) * rim, dtype=np.float32)
        return np.maximum(total, 0.0)

    def _foreign(self, other: Parts) -> Image:
        """Bone where none belongs: parts of others turned round, limbs, bands."""
        rng, size = self._rng, self._size
        total, middle = np.zeros((size, size), dtype=np.float32), np.full(2, size / 2)
        for _ in range(int(rng.integers(1, 4))):
            kind = int(rng.integers(3))
            if kind == 2:
                total += self._curves(rng.uniform(0.0, size, 2))
                continue
            image = np.float32(rng.uniform(8.0, 25.0)) * limb(size, rng)
            if kind == 0:
                image = np.rot90(other.bones[str(rng.choice(["pelvis", "ribs", "wide_ribs"]))], int(rng.integers(4)))
                image = image * np.float32(rng.uniform(0.3, 1.0))
            shift = self._px * rng.uniform(-130.0, 130.0, 2)
            where = about(middle, rng.uniform(0.4, 1.2), rng.uniform(-3.0, 3.0), shift)
            total += warp(np.ascontiguousarray(image)[None], where)[0]
        return total
