"""Held-out simulated patients whose whole surfaces are known, in the models' own vertices: exact true measurements."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.network_measure import network_view
from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.collisions import Solid
from lumbar3d.training.population.plan import Mixture
from lumbar3d.training.radiographs.habitus import draw_habitus
from lumbar3d.training.radiographs.patient import vertebrae
from lumbar3d.training.radiographs.pelvis import HIP_MM, hip, ilium
from lumbar3d.training.radiographs.room import draw_room
from lumbar3d.training.radiographs.simulate import MEASURING, BoneImage, Simulator, photograph
from lumbar3d.training.radiographs.skeleton import SIDES, surrounding_bones
from lumbar3d.training.radiographs.spine import Spine, SpineSampler, Vertebra
from lumbar3d.training.surroundings.individual import Form, draw_forms, individual

FORM_STREAM = 1
"""Of a patient's seed: the form has random numbers of its own, so that everything else stays as it is without."""


@dataclass(frozen=True, eq=False)
class KnownPatient:
    """Films of a drawn person, and the person.

    Attributes
    ----------
    views : (NetworkView, NetworkView)
    spine : Spine
    whole : tuple of FittedVertebra
        L1 to L5 in the world, without any uncertainty.
    broken : frozenset of str
        Levels with a fracture.
    heads_mm : (2, 3) float64
        Centres of the left and of the right femoral head.
    """

    views: tuple[NetworkView, NetworkView]
    spine: Spine
    whole: tuple[FittedVertebra, ...]
    broken: frozenset[str]
    heads_mm: Array


class RememberingSampler(SpineSampler):
    """Keeps the surfaces that the simulator decimates: (V, 3) of the last person's levels, own frames."""

    def __init__(self, models: tuple[ShapeModel, ...], mixture: Mixture) -> None:
        super().__init__(models, 0.0, mixture)
        self.surfaces: list[Array] = []

    def _vertebra(self, level: str, solid: Solid) -> Vertebra:
        self.surfaces = [*self.surfaces, solid.vertices][-len(LEVELS) :]
        return super()._vertebra(level, solid)


class KnownPatients:
    """Patients by seed, filmed as the simulator films them, turned about the vertical axis if asked."""

    def __init__(self, models: tuple[ShapeModel, ...]) -> None:
        self._models, self._spines = models, RememberingSampler(models, MEASURING.people)
        self._simulator = Simulator(models, spines=self._spines)

    def patient(
        self, seed: int, turned_deg: float = 0.0, bones: BoneImage = vertebrae, own_form: bool = False
    ) -> KnownPatient:
        """The patient of a seed; ``turned_deg`` counter-clockwise seen from above, on top of the posture.

        With ``own_form`` the vertebrae have one that no shape model holds (``surroundings.individual``).
        """
        spine, rng = self._simulator.drawn(seed)
        turn = frames.rigid(frames.rotation_from_vector(np.radians([0.0, 0.0, turned_deg])), np.zeros(3))
        spine = turned(spine, turn)
        whole = self._whole(spine)
        if own_form and (forms := draw_forms(spine, np.random.default_rng([seed, FORM_STREAM]))):
            spine = individual(spine, forms)
            whole = tuple(_formed(vertebra, form) for vertebra, form in zip(whole, forms, strict=True))
        rng.random()  # the simulator asks here whether a slot scanner takes the pair
        room = draw_room(rng)
        heads_mm = _heads(spine, copy.deepcopy(rng))
        ap, lat = photograph(spine, room, 1, rng, bones=bones)
        broken = frozenset(
            level for level in LEVELS if any("fracture" in each and each.endswith(level) for each in spine.diagnoses)
        )
        return KnownPatient((network_view(ap), network_view(lat)), spine, whole, broken, heads_mm)

    def _whole(self, spine: Spine) -> tuple[FittedVertebra, ...]:
        found = []
        for model, vertebra, surface in zip(self._models, spine.lumbar, self._spines.surfaces, strict=True):
            pose = frames.fit_rigid(surface[model.fit_vertices], vertebra.mesh.vertices)
            found.append(as_instance(model, surface, pose))
        return tuple(found)


def _formed(vertebra: FittedVertebra, form: Form) -> FittedVertebra:
    """A known vertebra after the form has moved it in the world."""
    pose = vertebra.world_from_model
    own = frames.apply(frames.invert(pose), form.of_points(vertebra.vertices_world()))
    return as_instance(vertebra.model, own, pose)


def _heads(spine: Spine, rng: np.random.Generator) -> Array:
    """Centres (2, 3) of the femoral heads of the patient that ``photograph`` draws next, left first.

    What surrounds a spine is one surface, of which the hips are the last parts of each side.
    """
    draw_habitus(spine.age_years, spine.female, rng)
    vertices = surrounding_bones(spine, rng)[0].outer.vertices
    last, centres = len(vertices), {}
    for side in SIDES[::-1]:
        drawn = hip(side).outer.vertices
        part = vertices[last - len(drawn) : last]
        scale = np.sqrt(part.var(axis=0).sum() / drawn.var(axis=0).sum())
        pose = frames.fit_rigid(scale * drawn, part)
        assert np.abs(frames.apply(pose, scale * drawn) - part).max() < 1e-6, "not the surface of this hip"
        centres[side] = frames.apply(pose, scale * HIP_MM * [1.0, side, 1.0])
        last -= len(drawn) + len(ilium(side).outer.vertices)
    return np.stack([centres[1.0], centres[-1.0]])


def turned(spine: Spine, turn: Array) -> Spine:
    """The whole person moved by a rigid motion (4, 4)."""
    return replace(
        spine,
        lumbar=tuple(vertebra.moved(turn) for vertebra in spine.lumbar),
        thoracic=tuple(vertebra.moved(turn) for vertebra in spine.thoracic),
        thoracic_poses=tuple(turn @ pose for pose in spine.thoracic_poses),
        world_from_sacrum=turn @ spine.world_from_sacrum,
    )


def as_instance(model: ShapeModel, surface: Array, world_from_model: Array) -> FittedVertebra:
    """A surface (V, 3) in the model's vertices as the one-mode instance that it is, known exactly."""
    offset = surface - model.mean
    length = float(np.linalg.norm(offset)) or 1.0
    exact = replace(
        model,
        scaled_modes=offset[..., None].astype(np.float32),
        eigenvalues=np.array([length**2]),
        shared_loadings=None,
    )
    return FittedVertebra(exact, world_from_model, np.ones(1), np.zeros((7, 7)))
