"""Real people as standing spines in front of a biplanar cone-beam pair: the test subjects of every benchmark.

``python -m benchmarks.subjects --data DIR`` computes landmarks and body-arch planes again and writes ``subjects.json``.

The surfaces stay outside the project (a command-line folder): verse004 from anjany/verse, verse005 and verse012 from
ThreeStones1029/drr_utils (VerSe, CC BY-SA 4.0), vhm from RemusR9/artisynth_lumbosacralSpineModel (BSD-3-Clause, Visible
Human Male). ``subjects.json`` holds what was computed from them, under the same licences. No shape of these people is
in the shape model.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

from lumbar3d.arrays import Array, Mask
from lumbar3d.contracts import Calibration, GeometryView, SlotView
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import BiplanarGeometry, build_geometry
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.validation.model_fit import ModelFit, fit_model

ANNOTATIONS = Path(__file__).with_name("subjects.json")
SRS_FROM_RAS = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
DETECTOR_MM = 512 * 0.834
POSE_SEED = 4100


@dataclass(frozen=True)
class Source:
    """Files of one person's surfaces and their orientation."""

    files: dict[str, str]
    srs_from_source: Array
    deformed_levels: frozenset[str] = frozenset()


def _levels(first: int, last: int) -> dict[str, str]:
    return {f"L{number}": f"L{number}.ply" for number in range(first, last + 1)}


SOURCES = {
    "verse005": Source(_levels(1, 5), SRS_FROM_RAS),
    "verse004": Source({"L1": "L1-collapsed.ply", **_levels(2, 5)}, SRS_FROM_RAS, frozenset({"L1"})),
    "vhm": Source(_levels(1, 5), np.eye(3)),
    "verse012": Source(_levels(1, 3), SRS_FROM_RAS, frozenset({"L1"})),
}
COMPLETE_SUBJECTS = ("verse005", "verse004", "vhm")
"""The three with L1 or L2 to L5; of verse012 the field of view cuts process tips."""


@dataclass(frozen=True)
class Room:
    """A biplanar cone-beam room: AP source in front, LAT source on the patient's right, 90 degrees apart."""

    source_to_detector_mm: float = 1400.0
    source_to_isocenter_mm: float = 1050.0
    columns: int = 512
    """Detector columns and rows; its size stays 427 mm, so 512 means 0.834 mm and 3072 means 0.139 mm."""

    def calibration(self) -> Calibration:
        """Both views in the calibration contract."""
        return Calibration(
            version="1.0",
            ap=self._view(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])),
            lat=self._view(np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0])),
        )

    def _view(self, towards_source: Array, u_axis: Array) -> GeometryView:
        """One view; rows run downwards."""
        pitch = DETECTOR_MM / self.columns
        v_axis = np.array([0.0, 0.0, -1.0])
        centre = towards_source * (self.source_to_isocenter_mm - self.source_to_detector_mm)
        origin = centre - (self.columns - 1) / 2 * pitch * (u_axis + v_axis)
        return GeometryView(
            type="geometry",
            source_mm=tuple(towards_source * self.source_to_isocenter_mm),
            detector_origin_mm=tuple(origin),
            detector_u_axis=tuple(u_axis),
            detector_v_axis=tuple(v_axis),
            pixel_spacing_mm=(pitch, pitch),
            columns=self.columns,
            rows=self.columns,
        )


@dataclass(frozen=True)
class SlotRoom:
    """A biplanar slot scanner (distances of the EOS system), AP in front, LAT on the patient's right."""

    source_to_detector_mm: float = 1300.0
    source_to_isocenter_mm: tuple[float, float] = (987.0, 918.0)
    """AP, LAT."""
    pitch_mm: float = 0.727
    """Of columns and rows at the isocentre: what the networks' grid has there."""
    columns: int = 512

    def calibration(self) -> Calibration:
        """Both views in the calibration contract."""
        ap_mm, lat_mm = self.source_to_isocenter_mm
        return Calibration(
            version="1.0",
            ap=self._view(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), ap_mm),
            lat=self._view(np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0]), lat_mm),
        )

    def _view(self, towards_source: Array, u_axis: Array, distance_mm: float) -> SlotView:
        """One view; it is scanned downwards."""
        spacing_mm = self.pitch_mm * self.source_to_detector_mm / distance_mm
        top = (self.columns - 1) / 2 * self.pitch_mm * np.array([0.0, 0.0, 1.0])
        middle = towards_source * (distance_mm - self.source_to_detector_mm) + top
        return SlotView(
            type="slot",
            source_mm=tuple(towards_source * distance_mm + top),
            detector_origin_mm=tuple(middle - (self.columns - 1) / 2 * spacing_mm * u_axis),
            detector_u_axis=tuple(u_axis),
            scan_direction=(0.0, 0.0, -1.0),
            pixel_spacing_mm=(spacing_mm, self.pitch_mm),
            columns=self.columns,
            rows=self.columns,
        )


@dataclass(frozen=True, eq=False)
class RealSubject:
    """One person in front of the detectors, with the truth.

    Attributes
    ----------
    name : str
    levels : tuple of str
    meshes_world : dict of level to TriangleMesh
        mm.
    landmarks_world : dict of level to (7, 3) float64
        In the order of ``anatomy.LANDMARKS``, on the surface.
    posterior_masks : dict of level to (V,) bool
        Vertices behind the posterior wall of the body.
    deformed_levels : frozenset of str
        Levels with a fracture: reported apart.
    calibration : Calibration
    geometry : BiplanarGeometry
    """

    name: str
    levels: tuple[str, ...]
    meshes_world: dict[str, TriangleMesh]
    landmarks_world: dict[str, Array]
    posterior_masks: dict[str, Mask]
    deformed_levels: frozenset[str]
    calibration: Calibration
    geometry: BiplanarGeometry


def load_subject(data: Path, name: str, room: Room | SlotRoom | None = None) -> RealSubject:
    """One person of ``SOURCES``, turned to SRS, centred near the isocentre with a small seeded rotation and offset."""
    source, notes = SOURCES[name], json.loads(ANNOTATIONS.read_text())["subjects"][name]
    landmarks = {level: np.array(notes[level]["landmarks_mm"]) for level in source.files}
    world_from_srs = _stand(name, np.concatenate([points[:2] for points in landmarks.values()]))
    meshes, masks = {}, {}
    for level in source.files:
        mesh = read_srs(data, name, level)
        plane = np.array(notes[level]["arch_plane"])
        masks[level] = mesh.vertices @ plane[:3] < plane[3]
        meshes[level] = TriangleMesh(frames.apply(world_from_srs, mesh.vertices), mesh.faces)
    calibration = (room or Room()).calibration()
    return RealSubject(
        name=name,
        levels=tuple(source.files),
        meshes_world=meshes,
        landmarks_world={level: frames.apply(world_from_srs, points) for level, points in landmarks.items()},
        posterior_masks=masks,
        deformed_levels=source.deformed_levels,
        calibration=calibration,
        geometry=build_geometry(calibration),
    )


def read_srs(data: Path, name: str, level: str) -> TriangleMesh:
    """The surface as it lies in the CT, axes turned to x anterior, y left, z up, mm."""
    source = SOURCES[name]
    mesh = trimesh.load_mesh(data / name / source.files[level])
    return TriangleMesh(np.asarray(mesh.vertices) @ source.srs_from_source.T, np.asarray(mesh.faces, dtype=np.int32))


def _stand(name: str, endplate_centres: Array) -> Array:
    """World from the person's SRS axes: their CT posture, a few degrees and millimetres away from ideal."""
    rng = np.random.default_rng([POSE_SEED, list(SOURCES).index(name)])
    rotation = frames.rotation_from_vector(np.radians(rng.normal(0.0, (1.5, 1.5, 4.0))))
    offset = rng.normal(0.0, (8.0, 8.0, 8.0))
    return frames.rigid(rotation, offset - rotation @ endplate_centres.mean(axis=0))


def annotate(data: Path, name: str) -> dict[str, dict[str, list[float] | list[list[float]]]]:
    """Landmarks (7, 3) on the surface and the plane between body and arch of every level, person's SRS axes, mm."""
    models = {model.level: model for model in load_shape_models(AssetStore.open())}
    notes = {}
    for level in SOURCES[name].files:
        target = read_srs(data, name, level)
        fit = fit_model(models[level], target)
        carried = fit.mesh().vertices[fit.model.landmark_indices]
        notes[level] = {
            "landmarks_mm": SurfaceLocator(target).closest(carried)[0].round(3).tolist(),
            "arch_plane": arch_plane(fit).round(5).tolist(),
        }
    return notes


def arch_plane(fit: ModelFit) -> Array:
    """(nx, ny, nz, d), n towards anterior: the plane through the seam between the fitted body and arch patches."""
    mesh = fit.mesh()
    arch = np.zeros(len(mesh.vertices), dtype=bool)
    arch[fit.model.patches["posterior"]] = True
    seam_faces = mesh.faces[np.ptp(arch[mesh.faces].astype(int), axis=1) > 0]
    seam = mesh.vertices[np.unique(seam_faces)]
    centre = seam.mean(axis=0)
    normal = np.linalg.svd(seam - centre, full_matrices=False)[2][2]
    normal *= np.sign(normal @ fit.world_from_model[:3, 0])
    return np.array([*normal, normal @ centre])


def main() -> None:
    """Annotate every subject and write ``subjects.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    document = {
        "provenance": "computed by benchmarks/subjects.py from VerSe (CC BY-SA 4.0) and artisynth_lumbosacralSpineModel"
        " (BSD-3-Clause, (c) 2021 Robin Remus) surfaces; the VerSe part is CC BY-SA 4.0",
        "shape_model": AssetStore.open().describe("ssm_L3").version,
        "frame": "the person's CT turned to x anterior, y left, z up; mm",
        "subjects": {name: annotate(data, name) for name in SOURCES},
    }
    ANNOTATIONS.write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
