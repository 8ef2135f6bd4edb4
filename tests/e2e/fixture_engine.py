"""Fixture engine: a made-up spine of ellipsoids at once, for the page and the command line, not for numbers."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import trimesh
from PIL import Image
from scipy.spatial import ConvexHull

from lumbar3d.anatomy import LANDMARKS, LEVELS
from lumbar3d.contracts import (
    AssetRecord,
    Calibration,
    LandmarkResult,
    LandmarkSighting,
    LevelNamesReport,
    LevelQuality,
    LevelResult,
    LumbarCountReport,
    Measurement,
    Norm,
    ReconstructionResult,
    ReconstructOptions,
    SacralPlate,
    Sacrum,
    SegmentMotion,
    Stage,
    Standing,
)
from lumbar3d.edits import Edit, KeepLevels, SetHips
from lumbar3d.errors import RejectedError
from lumbar3d.export.meshes import write_meshes
from lumbar3d.export.surface import Surface
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.sacrum.hips import place_hips
from lumbar3d.shape.mesh import TriangleMesh

GRID = 512
REVISED_MM = 0.5
"""By how much a revision changes every number."""
STEP_S = 0.15
REJECT_METHOD = "bobyqa"
"""Asked for this method, the engine rejects the images: a test needs both endings."""


def centre_mm(index):
    """Centre of one vertebral body on a lordotic curve, (3,) mm."""
    return np.array([14 * np.sin(index * 0.75), 2.0 * index, 74 - 37 * index])


def vertebra(index):
    """A body, an arch and three processes, as one mesh in world mm."""
    body = trimesh.creation.capsule(height=1, radius=1, count=(24, 24))
    body.apply_scale([17 + index, 23 + index, 8.5])
    parts = [body]
    for end, radius in (((-52, 0, -8), 4.5), ((-22, 40, 2), 3.5), ((-22, -40, 2), 3.5)):
        parts.append(trimesh.creation.cylinder(radius=radius, segment=[(-15, 0, 0), end], sections=16))
    mesh = trimesh.util.concatenate(parts)
    mesh.apply_transform(trimesh.transformations.rotation_matrix(np.radians(14 - 9 * index), [0, 1, 0]))
    mesh.apply_translation(centre_mm(index))
    return mesh


def landmarks_mm(index):
    """Seven landmarks of one vertebra in the order of the contract, (7, 3)."""
    offsets = [(0, 0, 13), (0, 0, -13), (-22, 40, 2), (-22, -40, 2), (-18, 14, 4), (-18, -14, 4), (-52, 0, -8)]
    return centre_mm(index) + np.array(offsets, dtype=float)


def outlines(beam: ConeBeam, mesh):
    """Convex outline of every part of the mesh in image pixels."""
    polylines = []
    for part in mesh.split(only_watertight=False):
        pixels = beam.project(np.asarray(part.vertices))[0]
        hull = pixels[ConvexHull(pixels).vertices]
        polylines.append(np.vstack([hull, hull[:1]]).round(2).tolist())
    return polylines


def is_seen(view, name):
    """Every document of a job says the same of what was found: all but the spinous processes on the AP film."""
    return (view, name) != ("ap", "sp_tip")


def overlay_view(view: str, beam: ConeBeam, meshes):
    """One view of overlay.json."""
    levels = {}
    for level, mesh in meshes.items():
        index = LEVELS.index(level)
        model = beam.project(landmarks_mm(index))[0]
        detected = model + np.random.default_rng(index).normal(0, 2, model.shape)
        triples = zip(LANDMARKS, model.round(2).tolist(), detected.round(2).tolist(), strict=True)
        levels[level] = {
            "outline": outlines(beam, mesh),
            "landmarks": {
                name: {"model": m, "detected": d} if is_seen(view, name) else {"model": m} for name, m, d in triples
            },
        }
    return {"width": GRID, "height": GRID, "levels": levels}


def film(beam: ConeBeam, meshes):
    """A grey picture with the spine on it, (512, 512) uint8."""
    _v, u = np.mgrid[:GRID, :GRID]
    picture = 90 * np.exp(-(((u - GRID / 2) / 190) ** 2))
    for mesh in meshes.values():
        pixels = beam.project(np.asarray(mesh.sample(4000)))[0].round().astype(int)
        inside = ((pixels >= 0) & (pixels < GRID)).all(axis=1)
        np.add.at(picture, (pixels[inside, 1], pixels[inside, 0]), 40)
    return np.clip(picture, 0, 255).astype(np.uint8)


def residual(beam: ConeBeam, meshes):
    """Bone of the highest vertebra that the fit does not cover, and fitted bone that is not seen at the lowest."""
    grey = np.full((GRID // 2, GRID // 2), 128, np.uint8)
    for level, value in ((min(meshes), 220), (max(meshes), 40)):
        u, v = beam.project(centre_mm(LEVELS.index(level))[None])[0][0] / 2
        grey[int(v) - 4 : int(v) + 4, int(u) - 8 : int(u) + 8] = value
    return grey


def measurement(code, name, target, figures, unit, *, norm=None, flag="ok"):
    """One number; ``figures`` are value and sigma. How it stands to its norm is said as the real engine says it."""
    standing: Standing | None = None
    if norm is not None:
        beyond = abs(figures[0] - norm[0]) - 2 * norm[1]
        standing = "outside" if beyond > 2 * figures[1] else "inside" if beyond < -figures[1] else "borderline"
    return Measurement(
        code=code,
        name=name,
        target=target,
        value=figures[0],
        sigma=figures[1],
        unit=unit,
        flag=flag,
        norm=None if norm is None else Norm(mean=norm[0], sd=norm[1], source="made up for a test", evidence="moderate"),
        standing=standing,
        stands_out=standing == "outside" and flag == "ok",
        definition=f"{name}: made up for a test",
    )


def measurements():
    """A few of every kind, with one outside its norm and one of each flag."""
    doubt = "low_confidence"
    found = [
        measurement("lumbar_lordosis", "Lumbar lordosis L1-L5", "L1-L5", (38.4, 2.1), "deg", norm=(35, 9)),
        measurement("cobb_coronal", "Coronal Cobb angle", "L1-L4", (14.2, 1.9), "deg", norm=(0, 5), flag=doubt),
    ]
    for (upper, lower), curve in zip(pairwise(LEVELS), (2.0, 6.0, 9.0, 13.4), strict=True):
        found.append(
            measurement(
                "segmental_lordosis", "Segmental lordosis", f"{upper}/{lower}", (curve, 2.0), "deg", norm=(8, 6)
            )
        )
        pair, height = f"{upper}/{lower}", 5.4 if lower == "L5" else 10.2
        found.append(measurement("disc_height_middle", "Disc height", pair, (height, 0.7), "mm", norm=(11.2, 1.7)))
        found.append(measurement("slip_sagittal", "Sagittal slip", pair, (-0.02, 0.8), "mm", norm=(-1.5, 1.2)))
    found.append(measurement("slip_lateral", "Lateral slip", "L3/L4", (1.2, 0.9), "mm", flag=doubt))
    for index, level in enumerate(LEVELS):
        norm = (26 + 0.6 * index, 2)
        found.append(measurement("body_height_anterior", "Anterior height", level, (27.0, 0.6), "mm", norm=norm))
        found.append(measurement("body_height_posterior", "Posterior height", level, (28.1, 0.7), "mm", norm=norm))
        found.append(measurement("axial_rotation", "Axial rotation", level, (index - 3.1, 2.2), "deg", norm=(0, 3)))
        found.append(measurement("body_wedge_sagittal", "Sagittal wedge", level, (2.0 * (1 - index) - 2.0, 1.5), "deg"))
        found.append(measurement("vertebra_volume", "Volume", level, (52.0, 3.0), "cm3", flag="model_based"))
    return tuple(found)


def motion(pair, shift):
    """How one vertebra stands on the next; a revision leans it forward."""
    return SegmentMotion(
        upper=pair[0],
        lower=pair[1],
        rotation_deg=(0.5, 10 * shift - 8.0, 0.2),
        rotation_sigma_deg=(1.0, 1.0, 1.5),
        translation_mm=(1.0 + shift, 0.0, 36.0),
        translation_sigma_mm=(0.8, 0.8, 0.6),
    )


def sightings(name, geometry, point):
    """One landmark in both films as they were sent, two pixels off, with an error that is larger along the columns."""
    return tuple(
        LandmarkSighting(
            view=view,
            position_px=tuple(getattr(geometry, view).project(point[None])[0][0] + 2.0),
            covariance_px2=((9.0, 2.0), (2.0, 4.0)),
            confidence=0.9,
        )
        for view in ("ap", "lat")
        if is_seen(view, name)
    )


def level_result(index, level, geometry):
    """One vertebra, the last one poor."""
    pose = np.eye(4)
    pose[:3, 3] = centre_mm(index)
    grades = [("ok", ()), ("review", ("uncertainty_review",)), ("bad", ("overlap_bad", "a_new_reason"))]
    flag, reasons = grades[max(0, index - 2)]
    return LevelResult(
        level=level,
        detection_confidence=0.97,
        world_from_model=cast(Any, pose.tolist()),
        coefficients_sd=(0.4, -1.1),
        landmarks=tuple(
            LandmarkResult(
                name=name,
                model_mm=tuple(point),
                triangulated_mm=tuple(point + 0.5),
                ray_distance_mm=0.8,
                sightings=sightings(name, geometry, point),
            )
            for name, point in zip(LANDMARKS, landmarks_mm(index), strict=True)
        ),
        quality=LevelQuality(
            image_residual=0.021 + 0.01 * index,
            ray_residual_mm=0.9 + index / 3 if flag != "bad" else float("inf"),
            overlap_dice=0.97 - 0.03 * index,
            surface_sigma_mm=0.6 + index / 10,
            flag=flag,
            reasons=reasons,
        ),
    )


def result(calibration: Calibration, method: str, levels: Sequence[str], shift: float) -> ReconstructionResult:
    """A whole result document."""
    geometry = build_geometry(calibration)
    numbers = [m for m in measurements() if not set(LEVELS) & set(m.target.split("/")) - set(levels)]
    return ReconstructionResult(
        software="0.1.0",
        method=method,
        levels=tuple(level_result(index, level, geometry) for index, level in enumerate(LEVELS) if level in levels),
        segments=tuple(motion(pair, shift) for pair in pairwise(levels)),
        measurements=tuple(m.model_copy(update={"value": m.value + shift}) for m in numbers),
        quality="review",
        notes=("view_angle_unusual", "lat_padded", "a_new_note"),
        lumbar_count=LumbarCountReport(count=5, confidence=0.97),
        level_names=LevelNamesReport(probability=0.93, one_lower=0.05, one_higher=0.02),
        timings_s={"read": 0.2, "detect": 0.9, "initialise": 0.1, "register": 1.4, "measure": 0.2, "export": 0.4},
        assets=(AssetRecord(name="ssm_L1", sha256="ab" * 32, version="1"),),
        versions={"python": "3.11"},
        calibration=calibration,
    )


def point(geometry, mm):
    """One point of a construction, with an error of 1.5 mm and 3 pixels."""
    views = {
        v: {"px": getattr(geometry, v).project(mm[None])[0][0].tolist(), "sigma_px": [3, 3]} for v in ("ap", "lat")
    }
    return {"mm": mm.tolist(), "sigma_mm": 1.5, **views}


def constructions(geometry, found: Sequence[Measurement]):
    """Both end plates of the first and the last vertebra of every number, and a segment between them."""
    made = []
    for number in found:
        first, last = LEVELS.index(number.target[:2]), LEVELS.index(number.target[-2:])
        ends = [centre_mm(first) + (0, 0, 12), centre_mm(last) - (0, 0, 12)]
        plates = [[point(geometry, end - (20, 0, 0)), point(geometry, end + (20, 0, 0))] for end in ends]
        lines = [{"role": "plate", "points": plate} for plate in plates]
        lines.append({"role": "segment", "points": [point(geometry, end) for end in ends]})
        kind = "angle" if number.unit == "deg" else "length"
        made.append(
            {**number.model_dump(include={"code", "target", "value", "unit", "sigma"}), "kind": kind, "lines": lines}
        )
    return {"constructions": made}


class FixtureEngine:
    """The engine's protocol with made-up answers."""

    def run(
        self,
        ap_path: Path,
        lat_path: Path,
        calibration: Calibration,
        options: ReconstructOptions,
        out_dir: Path,
        progress,
    ) -> None:
        """Report every stage, then write every file that the real engine writes."""
        for number, stage in enumerate(Stage):
            progress(stage, number / len(Stage))
            time.sleep(STEP_S)
        write_evidence(calibration, out_dir)
        if options.method == REJECT_METHOD:
            raise RejectedError("no lumbar vertebrae were found in these images")
        write_files(calibration, options.method, out_dir)

    def revise(
        self,
        base_dir: Path,
        edits: Sequence[Edit],
        calibration: Calibration,
        options: ReconstructOptions,
        out_dir: Path,
        progress,
    ) -> None:
        """Every number a little larger; vertebrae that are not kept are not written; incidence of heads in place."""
        progress(Stage.REGISTER, 0.5)
        kept = next((edit.levels for edit in edits if isinstance(edit, KeepLevels)), LEVELS)
        write_evidence(calibration, out_dir)
        write_files(calibration, options.method, out_dir, kept, REVISED_MM)
        for edit in edits:
            if isinstance(edit, SetHips):
                add_hips(edit, calibration, out_dir)


def add_hips(edit: SetHips, calibration: Calibration, out_dir: Path) -> None:
    """Heads where they were placed, refused as by the real engine, and one number against a made-up plate."""
    geometry = build_geometry(calibration)
    placed = place_hips(edit, geometry, 8)
    middle, front, back = ((x, 9.0, z) for x, z in ((-4.0, -105.0), (9.0, -115.0), (-17.0, -95.0)))
    plate = SacralPlate(
        middle_mm=middle,
        anterior_mm=front,
        posterior_mm=back,
        normal=(0.6, 0.0, 0.8),
        middle_sigma_mm=None,
        slope_sigma_deg=None,
    )
    number = measurement("pelvic_incidence", "Pelvic incidence", "S1", (51.2, 4.8), "deg", norm=(53, 10.5))
    found = ReconstructionResult.model_validate_json((out_dir / "result.json").read_text())
    sacrum = Sacrum(plate=plate, hips=placed.told(), pelvis=None)
    told = {"measurements": (*found.measurements, number), "sacrum": sacrum}
    (out_dir / "result.json").write_text(found.model_copy(update=told).model_dump_json())
    heads = [point(geometry, head) for head in (placed.measured.left[0], placed.measured.right[0])]
    way = [point(geometry, end) for end in (np.array(middle), placed.measured.middle[0])]
    lines = [{"role": "segment", "points": way}, {"role": "axis", "points": heads}]
    about = number.model_dump(include={"code", "target", "value", "unit", "sigma"}) | {"kind": "angle", "lines": lines}
    drawn = json.loads((out_dir / "constructions.json").read_text())["constructions"]
    (out_dir / "constructions.json").write_text(json.dumps({"constructions": [*drawn, about]}))


def grids(calibration: Calibration):
    """Both views on the network's grid, here the whole film."""
    geometry = build_geometry(calibration)
    for name in ("ap", "lat"):
        beam = getattr(geometry, name)
        yield name, beam.regrid(np.zeros(2), (beam.columns - 1) / (GRID - 1), GRID, GRID)


def recognised(geometry):
    """Middle of every vertebra in both films."""
    found = []
    for index, level in enumerate(LEVELS):
        middles = {
            view: getattr(geometry, view).project(centre_mm(index)[None])[0][0].tolist() for view in ("ap", "lat")
        }
        seen = {view: {"centre_px": middle, "probability": 0.9} for view, middle in middles.items()}
        found.append({"level": level, **seen})
    return found


def write_evidence(calibration: Calibration, out_dir: Path) -> None:
    """Both films, and where the middle of every vertebra was recognised."""
    geometry, meshes = build_geometry(calibration), vertebrae(LEVELS)
    for name, grid in grids(calibration):
        native = np.kron(film(grid, meshes).astype(np.uint16) * 257, np.ones((2, 2), dtype=np.uint16))
        Image.fromarray(native).save(out_dir / f"film_{name}.png")
    facts = {
        "columns": 2 * GRID,
        "rows": 2 * GRID,
        "pixel_spacing_mm": [0.42, 0.42],
        "window": {"low": 0, "high": 50000},
    }
    names = {"probability": 0.93, "one_lower": 0.05, "one_higher": 0.02}
    document = {
        "films": {"ap": facts, "lat": facts},
        "lumbar_count": None,
        "level_names": names,
        "levels": recognised(geometry),
    }
    (out_dir / "recognition.json").write_text(json.dumps(document))


def vertebrae(levels: Sequence[str]):
    """Meshes by level."""
    return {level: vertebra(index) for index, level in enumerate(LEVELS) if level in levels}


def write_files(
    calibration: Calibration, method: str, out_dir: Path, levels: Sequence[str] = LEVELS, shift: float = 0.0
) -> None:
    """All artifacts of a job."""
    meshes = vertebrae(levels)
    views = {}
    for name, grid in grids(calibration):
        views[name] = overlay_view(name, grid, meshes)
        Image.fromarray(film(grid, meshes)).save(out_dir / f"{name}.png")
        Image.fromarray(residual(grid, meshes)).save(out_dir / f"residual_{name}.png")
    (out_dir / "overlay.json").write_text(json.dumps({"views": views}))
    write_meshes([surface(level, mesh) for level, mesh in meshes.items()], out_dir)
    found = result(calibration, method, levels, shift)
    (out_dir / "constructions.json").write_text(
        json.dumps(constructions(build_geometry(calibration), found.measurements))
    )
    (out_dir / "fit.npz").write_bytes(b"made up")
    (out_dir / "result.json").write_text(found.model_dump_json())


def surface(level: str, mesh: Any) -> Surface:
    """As the real engine exports it, with a made-up error of half a millimetre."""
    shape = TriangleMesh(np.asarray(mesh.vertices), np.asarray(mesh.faces, dtype=np.int32))
    return Surface(level, shape, np.full(len(shape.vertices), 0.5))
