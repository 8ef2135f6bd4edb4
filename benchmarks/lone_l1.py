"""Single first lumbar vertebrae of real people, three of them deformed, each on the L2 to L5 of somebody else.

``python -m benchmarks.lone_l1 --data DIR`` computes landmarks, lower plates and widths again and writes
``lone_l1.json``. The surfaces stay outside the project: madsendennis/how-to-shape-model (VerSe, CC BY-SA 4.0).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import trimesh

from benchmarks.subjects import RealSubject, arch_plane, load_subject
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.measurement.points import points_on_model
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.validation.model_fit import ModelFit, fit_model

ANNOTATIONS = Path(__file__).with_name("lone_l1.json")
FOLDER = "verse-L1"
FILES = {
    "verse016": "016.ply",
    "verse018": "018.ply",
    "verse026": "026.ply",
    "verse013": "013-deformed.ply",
    "verse022": "022-deformed.ply",
    "verse024": "024-deformed.ply",
}
SRS_FROM_LPS = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
CARRIER = "verse005"


def is_deformed(name: str) -> bool:
    """As the source says."""
    return "deformed" in FILES[name]


def read_srs(data: Path, name: str) -> TriangleMesh:
    """The surface as it lies in the CT, axes turned to x anterior, y left, z up, mm."""
    mesh = trimesh.load_mesh(data / FOLDER / FILES[name])
    return TriangleMesh(np.asarray(mesh.vertices) @ SRS_FROM_LPS.T, np.asarray(mesh.faces, dtype=np.int32))


def borrowed_spine(data: Path, name: str) -> RealSubject:
    """A lone L1 standing on the L2 to L5 of ``CARRIER``, who is scaled to its width.

    The lower plate of the L1 takes the place and the tilt of the carrier's: what a collapse changes is above it.
    """
    notes = json.loads(ANNOTATIONS.read_text())["vertebrae"]
    own, other = notes[name], notes[CARRIER]
    carrier = load_subject(data, CARRIER)
    factor = own["width_mm"] / other["width_mm"]
    meshes = {level: TriangleMesh(factor * mesh.vertices, mesh.faces) for level, mesh in carrier.meshes_world.items()}
    landmarks = {level: factor * points for level, points in carrier.landmarks_world.items()}
    scaled_plate = np.array(other["lower_plate"])
    scaled_plate[:3, 3] *= factor
    world_from_own = scaled_plate @ frames.invert(np.array(own["lower_plate"]))
    mesh = read_srs(data, name)
    meshes["L1"] = TriangleMesh(frames.apply(world_from_own, mesh.vertices), mesh.faces)
    landmarks["L1"] = frames.apply(world_from_own, np.array(own["landmarks_mm"]))
    plane = np.array(own["arch_plane"])
    return replace(
        carrier,
        name=name,
        meshes_world=meshes,
        landmarks_world=landmarks,
        posterior_masks=carrier.posterior_masks | {"L1": mesh.vertices @ plane[:3] < plane[3]},
        deformed_levels=frozenset({"L1"} if is_deformed(name) else ()),
    )


def annotate(target: TriangleMesh) -> dict[str, float | list[float] | list[list[float]]]:
    """Landmarks (7, 3) on the surface, plane between body and arch, frame of the lower plate (4, 4), its width."""
    model = load_shape_models(AssetStore.open())[0]
    fit = fit_model(model, target)
    carried = fit.mesh().vertices[model.landmark_indices]
    plate, width_mm = _lower_plate(fit)
    return {
        "landmarks_mm": SurfaceLocator(target).closest(carried)[0].round(3).tolist(),
        "arch_plane": arch_plane(fit).round(5).tolist(),
        "lower_plate": plate.round(5).tolist(),
        "width_mm": round(width_mm, 2),
    }


def _lower_plate(fit: ModelFit) -> tuple[Array, float]:
    """Frame of the lower plate: origin its rim's centre, z its upward normal, y left; and the rim's width, mm."""
    vertices = fit.mesh().vertices
    vertebra = MeasuredVertebra.of(points_on_model(fit.model, lambda chosen: vertices[chosen]))
    z, left = vertebra.inferior.normal, vertebra.axis("y")
    y = left - (left @ z) * z
    y /= np.linalg.norm(y)
    width_mm = np.ptp(vertebra.points.rim_inf @ left)
    return frames.rigid(np.column_stack([np.cross(y, z), y, z]), vertebra.inferior.centre), float(width_mm)


def main() -> None:
    """Annotate every lone L1 and the carrier's, and write ``lone_l1.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    targets = {name: read_srs(data, name) for name in FILES} | {CARRIER: load_subject(data, CARRIER).meshes_world["L1"]}
    document = {
        "provenance": "computed by benchmarks/lone_l1.py from VerSe surfaces (CC BY-SA 4.0); same licence",
        "shape_model": AssetStore.open().describe("ssm_L1").version,
        "frame": "lone vertebrae: the person's CT turned to x anterior, y left, z up; the carrier: benchmarks' world",
        "vertebrae": {name: annotate(target) for name, target in targets.items()},
    }
    ANNOTATIONS.write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
