"""Components of one simulated patient, part by part: line integrals of both views, in canonical orientation.

Rendered once and put together many times (``mixer``): a part costs ten times as much as putting a film together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.contracts import VIEWS, ViewName
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.orientation import flips_to_canonical, view_code
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import Projection
from lumbar3d.geometry.slot_scanner import SlotScanner
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.cortex_profile import CortexProfile, draw_cortex_profile
from lumbar3d.training.radiographs.deposits import add_deposits
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.fields import enlarge, shrink
from lumbar3d.training.radiographs.habitus import Habitus, draw_habitus
from lumbar3d.training.radiographs.hollow import HollowBone, joined
from lumbar3d.training.radiographs.implants import Metal, draw_implants
from lumbar3d.training.radiographs.patient import bone_of, lengths_mm, unevenness_of
from lumbar3d.training.radiographs.pelvis import foramina, hip, ilium, sacrum
from lumbar3d.training.radiographs.room import draw_room
from lumbar3d.training.radiographs.simulate import ASTRAY_MM, Simulator, labels_of, middle_of, raised
from lumbar3d.training.radiographs.skeleton import SIDES, above_of, copied, ribs_of, world_from_pelvis
from lumbar3d.training.radiographs.spine import Spine
from lumbar3d.training.radiographs.tissue import draw_trunk
from lumbar3d.training.surroundings.individual import draw_forms, individual
from lumbar3d.training.surroundings.library import Library
from lumbar3d.training.surroundings.pelves import draw_pelvis
from lumbar3d.training.surroundings.ribs import wide_ribs
from lumbar3d.training.surroundings.trunks import BentTrunk, bend

SLOT_SHARE, ASTRAY_SHARE = 0.10, 0.05
TRUNK_SHARE = 0.75
"""Of patients who also get a real trunk: it costs as much as all the rest."""
CALCIUM_COLUMNS = 256


@dataclass(eq=False)
class Parts:
    """One view of one patient.

    Attributes
    ----------
    view : str
    slot : bool
        Taken by a slot scanner.
    code : (2,) float32
        ``orientation.view_code``.
    opacity : (5, size, size) float32
    landmarks : (5, 7, 2) float64
    marks : (5, 2) float64
        ``detection.decode.MARKS``; far outside where the patient has none, and T10, which ``t10`` has.
    lumbar : (size, size) float32
        Dense bone of all lumbar vertebrae, mm.
    bones : mapping of str to (size, size) float32
        Dense bone of other parts, mm, by name.
    soft : mapping of str to (size, size) float32
        mm of muscle, by name.
    t10 : mapping of str to (2,) float64
        Middle of T10, by the part that shows it.
    """

    view: ViewName
    slot: bool
    code: Image
    opacity: Image
    landmarks: Array
    marks: Array
    lumbar: Image
    bones: dict[str, Image] = field(default_factory=dict)
    soft: dict[str, Image] = field(default_factory=dict)
    t10: dict[str, Array] = field(default_factory=dict)


class Maker:
    """Draws patients and renders their parts.

    Parameters
    ----------
    simulator : Simulator
        For people and postures.
    library : Library
        Real bodies; empty ones are left out.
    step : int
        1 for the network's grid, 2 for the grid of the first network.
    """

    def __init__(self, simulator: Simulator, library: Library, step: int = GRID_STEP) -> None:
        self._simulator, self._library, self.step = simulator, library, step

    def draw(self, seed: int) -> tuple[Parts, Parts]:
        """AP and LAT of the patient of a seed."""
        spine, rng = self._simulator.drawn(seed)
        spine = individual(spine, draw_forms(spine, rng))
        beams = draw_room(rng, slot=bool(rng.random() < SLOT_SHARE))
        if rng.random() < ASTRAY_SHARE:
            beams = raised(beams, float(rng.choice([-1.0, 1.0]) * rng.uniform(*ASTRAY_MM)))
        habitus = draw_habitus(spine.age_years, spine.female, rng)
        bodies = self._bodies(spine, habitus, rng)
        ap, lat = (self._view(name, beam, bodies, rng) for name, beam in zip(VIEWS, beams, strict=True))
        return ap, lat

    def _bodies(self, spine: Spine, habitus: Habitus, rng: np.random.Generator) -> _Bodies:
        scale = rng.uniform(0.85, 1.15)
        above = above_of(spine, rng)
        poses = [*above, *spine.thoracic_poses]
        upright = world_from_pelvis(spine, rng)
        bones = {
            "upper": HollowBone.of([copied(spine, pose) for pose in above]),
            "ribs": HollowBone.of(ribs_of(poses, scale, rng)),
            "wide_ribs": HollowBone.of(wide_ribs(poses, rng)),
            "sacrum": sacrum().moved(spine.world_from_sacrum, scale),
            "pelvis": HollowBone.of([part(side).moved(upright, scale) for side in SIDES for part in (ilium, hip)]),
        }
        up = above[-1] @ frames.invert(spine.thoracic_poses[0])
        t10 = {"upper": frames.apply(up, middle_of(spine.thoracic[0]))}
        if self._library.pelves:
            bones["real_sacrum"], bones["real_pelvis"] = draw_pelvis(self._library.pelves, spine.world_from_sacrum, rng)
        course = _course(spine)
        if self._library.ribs:
            pose = frames.rigid(_upright(course), course[1])
            bones["real_ribs"], bones["real_thoracic"], centres = self._library.ribs.drawn(pose, rng)
            t10["real_thoracic"] = centres[2]
        trunk = None
        if self._library.trunks and rng.random() < TRUNK_SHARE:
            trunk = bend(self._library.any_trunk(rng), course, rng)
            t10["trunk_above"] = trunk.t10_world_mm()
        calcium = Ellipsoids(CALCIUM_COLUMNS)
        add_deposits(calcium, spine, habitus, rng)
        metal = draw_implants(habitus.implant, spine, calcium, rng)
        holes = foramina()
        holes = TriangleMesh(frames.apply(spine.world_from_sacrum, scale * holes.vertices), holes.faces)
        simulated = draw_trunk(spine.lumbar[2].mesh.vertices.mean(axis=0), habitus, rng)
        cortex = draw_cortex_profile(rng)
        return _Bodies(spine, habitus, cortex, bones, holes, simulated, trunk, calcium, metal, t10)

    def _view(self, name: ViewName, fine: Projection, bodies: _Bodies, rng: np.random.Generator) -> Parts:
        spine, habitus, step = bodies.spine, bodies.habitus, self.step
        beam = fine.downsampled(step)
        half = fine.downsampled(GRID_STEP)
        flips = flips_to_canonical(beam, name)
        outer = lengths_mm([v.mesh for v in spine.lumbar], fine)
        opacity = shrink(drr_from_path_length(outer[:5]), step)
        lumbar = shrink(bodies.cortex.bone_mm(spine.lumbar, outer.sum(axis=0), habitus, fine, rng), step)
        shown, landmarks, _, marks = labels_of(spine, beam, flips, opacity)
        parts = Parts(
            name,
            isinstance(fine, SlotScanner),
            view_code(beam, name),
            shown,
            landmarks,
            marks,
            flips.image(lumbar),
        )
        thoracic_mm = lengths_mm([joined([v.mesh for v in spine.thoracic])], beam)[0]
        parts.bones["thoracic"] = flips.image(bodies.cortex.bone_mm(spine.thoracic, thoracic_mm, habitus, beam, rng))
        for key, bone in bodies.bones.items():
            outer_mm, inner_mm = lengths_mm([bone.outer, bone.inner], beam)
            image = bone_of(outer_mm, inner_mm, habitus)
            if key == "sacrum":
                image = np.maximum(image - np.float32(habitus.marrow) * lengths_mm([bodies.holes], beam)[0], 0.0)
            parts.bones[key] = flips.image(np.maximum(image, np.float32(0.0)))
        extra = bodies.calcium.lengths_mm(half)
        for metal in bodies.metal:
            extra = extra + np.float32(metal.as_bone) * lengths_mm([metal.surface], half)[0]
        soft = sum(part.lengths_mm(half) for part in bodies.simulated) + unevenness_of(habitus, half, rng)
        coarse = {"extra": extra, "soft": soft}
        if bodies.trunk is not None:
            coarse |= {f"trunk_{key}": image for key, image in bodies.trunk.lengths_mm(half).items()}
        for key, image in coarse.items():
            place = parts.soft if key in ("soft", "trunk_soft") else parts.bones
            place[key] = finer(flips.image(np.asarray(image, dtype=np.float32)), GRID_STEP // step)
        parts.t10 = {key: flips.points(beam.project(point[None])[0], beam)[0] for key, point in bodies.t10.items()}
        return parts


@dataclass(frozen=True, eq=False)
class _Bodies:
    """One patient in the world."""

    spine: Spine
    habitus: Habitus
    cortex: CortexProfile
    bones: dict[str, HollowBone]
    holes: TriangleMesh
    simulated: tuple[Ellipsoids, Ellipsoids]
    trunk: BentTrunk | None
    calcium: Ellipsoids
    metal: list[Metal]
    t10: dict[str, Array]


def finer(image: Image, factor: int) -> Image:
    """On pixels ``factor`` times smaller."""
    return enlarge(image, factor) if factor > 1 else image


def _course(spine: Spine) -> Array:
    """T11, T12, the lumbar vertebrae and the plate of S1 (n, 3), world mm."""
    bodies = [middle_of(vertebra) for vertebra in (*spine.thoracic, *spine.lumbar)]
    return np.stack([*bodies, spine.world_from_sacrum[:3, 3]])


def _upright(course: Array) -> Array:
    """Rotation (3, 3) of a frame whose z runs from T12 to T11."""
    up = (course[0] - course[1]) / np.linalg.norm(course[0] - course[1])
    forward = np.cross([0.0, 1.0, 0.0], up)
    forward /= np.linalg.norm(forward)
    return np.column_stack([forward, np.cross(up, forward), up])
