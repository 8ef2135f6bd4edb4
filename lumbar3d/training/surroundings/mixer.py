"""Mixing of films from parts: film = exp(-(vertebrae + surroundings)), and the surroundings are anybody's."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.anatomy import PLATES
from lumbar3d.arrays import Array, Image, Mask
from lumbar3d.contracts import ViewName
from lumbar3d.detection.decode import MARKS
from lumbar3d.imaging.normalise import normalise
from lumbar3d.training.radiographs.exposure import expose
from lumbar3d.training.radiographs.fields import gaussian_blur
from lumbar3d.training.radiographs.film import FilmRecipe, draw_film
from lumbar3d.training.radiographs.markers import stamp
from lumbar3d.training.radiographs.presentation import present
from lumbar3d.training.radiographs.simulate import NOWHERE_PX
from lumbar3d.training.radiographs.spectrum import Matter
from lumbar3d.training.surroundings.bones import BoneDrawing, Bones
from lumbar3d.training.surroundings.components import Maker, Parts
from lumbar3d.training.surroundings.multiscale import multiscale
from lumbar3d.training.surroundings.noise import Noise, about, warp
from lumbar3d.training.surroundings.soft_tissue import SoftTissue

KEPT = 10
"""Patients whose parts are kept for lending."""
FILMS_PER_VIEW = 3
PLAIN_SHARE = 0.35
"""Of films as they usually are: nothing foreign, nothing bent, processed for reading."""
OWN_SHARE = 0.15
"""Of the others, those in which everything is the simulator's own patient, as the measuring simulator draws it."""
COLUMN_SHARE = 0.12
"""Of narrow films that show little beside the column."""
BLURRED_BONE_SHARE, MULTISCALE_SHARE = 0.3, 0.45


@dataclass(frozen=True)
class Framing:
    """Place of a spine on its film.

    Attributes
    ----------
    moved_share, far_share : float
        Of films shifted, zoomed and turned; of these, those whose spine stands far from the middle.
    cut_share : float
        Of films cut above or below within the spine.
    """

    moved_share: float = 0.65
    far_share: float = 0.15
    cut_share: float = 0.06


ANY_FRAMING, WHOLE_SPINE = Framing(), Framing(moved_share=0.4, far_share=0.0, cut_share=0.0)


@dataclass(frozen=True, eq=False)
class MixedFilm:
    """One film with its truth, canonical orientation.

    Attributes
    ----------
    view : str
    code : (2,) float32
    pixels : (size, size) float32
    opacity : (5, size, size) float32
        Of the visible levels.
    landmarks_px : (5, 7, 2) float64
    visible : (5,) bool
    marks_px : (5, 2) float64
    marks_known : (5,) float
        1 shown, 0 not there, -1 nobody can say.
    named : bool
        Whether the film tells which vertebra is which.
    kinds : mapping
        What its surroundings are.
    """

    view: ViewName
    code: Image
    pixels: Image
    opacity: Image
    landmarks_px: Array
    visible: Mask
    marks_px: Array
    marks_known: Array
    named: bool
    kinds: dict[str, str]


class Mixer:
    """Endless films; every random choice follows from the seed.

    Parameters
    ----------
    maker : Maker
        Draws the patients' parts.
    seed : int
    framing : Framing
    """

    def __init__(self, maker: Maker, seed: int, framing: Framing = ANY_FRAMING) -> None:
        self._maker, self._rng, self._framing, step = maker, np.random.default_rng(seed), framing, maker.step
        self._size, self._step = 512 // step, step
        noise = Noise(self._size, self._rng)
        self._soft, self._bones = SoftTissue(noise, self._rng), Bones(noise, self._rng)
        self._lent: dict[str, deque[Parts]] = {"ap": deque(maxlen=KEPT), "lat": deque(maxlen=KEPT)}

    def films(self, patients: Iterator[int], per_view: int = FILMS_PER_VIEW) -> Iterator[MixedFilm]:
        """``per_view`` films of each view of each patient; a patient who cannot be drawn is left out."""
        for seed in patients:
            for parts in self.lend(seed):
                for _ in range(per_view):
                    yield self.film(parts)

    def lend(self, seed: int) -> tuple[Parts, Parts]:
        """Draw a patient and keep the parts for others."""
        pair = self._maker.draw(seed)
        for parts in pair:
            self._lent[parts.view].append(parts)
        return pair

    def film(self, own: Parts) -> MixedFilm:
        """One more film of a patient's view."""
        rng = self._rng
        plain = rng.random() < PLAIN_SHARE
        if plain:
            (soft, kind), drawn = self._soft.plain(own), self._bones.plain(own)
            drawn.kinds["soft"] = kind
            lumbar = own.lumbar * self._bones.density(0.2)
        elif rng.random() < OWN_SHARE:
            soft, drawn = own.soft["soft"], self._own_bones(own)
            drawn.kinds["soft"] = "simulator"
            lumbar = own.lumbar
        else:
            others = [part for part in self._lent[own.view] if part is not own] or [own]
            other = others[int(rng.integers(len(others)))]
            soft, kind = self._soft.draw(own, other)
            drawn = self._bones.draw(own, other)
            drawn.kinds["soft"] = kind
            lumbar = own.lumbar * self._bones.density() * self._bones.texture()
        bone = drawn.image + lumbar
        if not plain and rng.random() < BLURRED_BONE_SHARE:
            bone = gaussian_blur(np.ascontiguousarray(bone), rng.uniform(0.2, 1.0) * self._size / 256)
        return self._seen(own, np.ascontiguousarray(soft), np.ascontiguousarray(bone, dtype=np.float32), drawn, plain)

    def _own_bones(self, own: Parts) -> BoneDrawing:
        names = ("thoracic", "upper", "ribs", "sacrum", "pelvis", "extra")
        image: Image = np.asarray(np.sum([own.bones[name] for name in names], axis=0), dtype=np.float32)
        marks = own.marks.copy()
        marks[MARKS.index("T10")] = own.t10["upper"]
        return BoneDrawing(image, marks, np.ones(len(MARKS)), kinds={"chest": "simulator", "pelvis": "simulator"})

    def _seen(self, own: Parts, soft: Image, bone: Image, drawn: BoneDrawing, plain: bool) -> MixedFilm:
        """Moved on the film, exposed, processed, collimated."""
        rng, size = self._rng, self._size
        opacity, landmarks, marks, covered = own.opacity, own.landmarks, drawn.marks, None
        if rng.random() < self._framing.moved_share:
            where = self._place()
            stack = warp(np.concatenate([np.stack([soft, bone]), opacity]), where)
            soft, bone, opacity = stack[0], stack[1], stack[2:]
            landmarks, marks = (_carried(points, where) for points in (landmarks, marks))
            covered = _covered(size, where)
            opacity = opacity * covered
        pixels, window = self._processed(own, Matter(soft, bone), covered, landmarks, plain)
        visible = np.asarray(_shown(landmarks[:, PLATES], window, covered).all(axis=1))
        known = np.where(drawn.known == 1.0, _shown(marks, window, covered).astype(float), drawn.known)
        opacity = (opacity * visible[:, None, None]).astype(np.float32)
        return MixedFilm(
            own.view, own.code, pixels, opacity, landmarks, visible, marks, known, drawn.named, drawn.kinds
        )

    def _place(self) -> Array:
        """Map (2, 3) of another magnification, a slightly turned patient, and a place elsewhere on the film."""
        rng, k = self._rng, self._size / 256
        scale = float(np.exp(rng.normal(0.0, 0.14 if rng.random() < 0.6 else 0.05)))
        shift = rng.normal(0.0, [22.0, 18.0])
        if rng.random() < self._framing.far_share:
            shift = rng.uniform([-75.0, -65.0], [75.0, 65.0])
        return about(np.full(2, (self._size - 1) / 2), scale, rng.normal(0.0, 0.05), k * shift)

    def _processed(
        self, own: Parts, matter: Matter, covered: Image | None, landmarks: Array, plain: bool
    ) -> tuple[Image, tuple[slice, slice]]:
        """Pixels of the network's input, and the rows and columns that the shutters show."""
        rng = self._rng
        recipe = self._recipe(own, landmarks)
        for marker in recipe.markers:
            if marker.bone_mm > 0.0:
                stamp(matter.bone_mm, marker, marker.bone_mm)
        counted, patient = expose(matter, recipe.exposure, rng)
        film = present(counted, patient, recipe.presentation, recipe.exposure.pitch_mm)
        if rng.random() < MULTISCALE_SHARE:
            film = multiscale(film, rng, plain)
        if covered is not None:
            film = np.where(covered > 0, film, film.min())
        film = recipe.shutters.applied(np.ascontiguousarray(film, dtype=np.float32))
        for marker in recipe.markers:
            if marker.bone_mm == 0.0:
                stamp(film, marker, float(film.max()))
        return normalise(film), recipe.shutters.window(self._size, self._size)

    def _recipe(self, own: Parts, landmarks: Array) -> FilmRecipe:
        """A film's recipe; now and then cut within the spine, or narrow around the column."""
        rng = self._rng
        recipe = draw_film(own.view, rng, own.slot).at_pitch(1 / self._step)
        if rng.random() < self._framing.cut_share:
            recipe = replace(recipe, shutters=recipe.shutters.closed_further(rng))
        inside = landmarks[np.abs(landmarks).max(axis=(1, 2)) < 2 * self._size, PLATES, 0]
        if inside.size and rng.random() < COLUMN_SHARE:
            beside = rng.uniform(22.0, 75.0, 2) * self._size / 256
            left = float(np.clip((inside.min() - beside[0]) / self._size, 0.0, 0.6))
            right = float(np.clip(1.0 - (inside.max() + beside[1]) / self._size, 0.0, 0.6))
            shutters = replace(recipe.shutters, left=max(left, recipe.shutters.left))
            recipe = replace(recipe, shutters=replace(shutters, right=max(right, shutters.right)))
        return recipe


def _carried(points: Array, source_from_target: Array) -> Array:
    """Where points (..., 2) (u, v) of a picture lie after ``warp``; those nowhere stay nowhere."""
    linear, offset = source_from_target[:, :2], source_from_target[:, 2]
    there = ((points[..., ::-1] - offset) @ np.linalg.inv(linear).T)[..., ::-1]
    return np.where(np.abs(points) > abs(NOWHERE_PX) / 2, points, there)


def _covered(size: int, source_from_target: Array) -> Image:
    """1 where the picture before ``warp`` reaches, (size, size)."""
    v, u = np.mgrid[:size, :size]
    source = np.einsum("ij,j...->i...", source_from_target, np.stack([v, u, np.ones_like(v)]))
    result: Image = ((source >= 0) & (source <= size - 1.001)).all(axis=0).astype(np.float32)
    return result


def _shown(points: Array, window: tuple[slice, slice], covered: Image | None) -> Mask:
    """Which points (..., 2) (u, v) lie on what the film shows."""
    first = np.array([part.start for part in window[::-1]])
    last = np.array([part.stop - 1 for part in window[::-1]])
    inside = np.asarray(((points >= first) & (points <= last)).all(axis=-1))
    if covered is not None:
        at = np.clip(np.rint(np.nan_to_num(points)), 0, len(covered) - 1).astype(int)
        inside &= covered[at[..., 1], at[..., 0]] > 0
    return inside
