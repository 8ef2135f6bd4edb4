"""Five small shape models with three processes each, and detections of known spines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh

from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import Calibration
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.projection import ConeBeam, Projection
from lumbar3d.registration.parameters import Parameters
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.radiographs.room import draw_room
from tests.conftest import calibration_document

MODES = 12


def toy_model(level: str, modes: int = MODES) -> ShapeModel:
    """A rounded body with a spinous and two transverse bumps; smooth random modes of about 1 mm."""
    sphere = trimesh.creation.icosphere(subdivisions=4)
    directions = np.asarray(sphere.vertices)
    bump = np.zeros(len(directions))
    for axis, height in (((-1.0, 0.0, -0.2), 30.0), ((-0.5, 0.85, 0.1), 22.0), ((-0.5, -0.85, 0.1), 22.0)):
        cosine = directions @ (np.array(axis) / np.linalg.norm(axis))
        bump += height * np.exp((cosine - 1) / 0.06)
    mean = directions * np.array([17.0, 22.0, 13.0]) + directions * bump[:, None]
    rng = np.random.default_rng(11)
    waves, phases = rng.normal(size=(modes, 3)) / 18.0, rng.uniform(0, 2 * np.pi, size=(modes, 3))
    fields = np.stack([np.cos(mean @ wave[:, None] + phase) for wave, phase in zip(waves, phases, strict=True)], -1)
    orthonormal, _ = np.linalg.qr(fields.reshape(-1, modes))
    picks = [
        (0, 0, 1),
        (0, 0, -1),
        (-0.5, 0.85, 0.1),
        (-0.5, -0.85, 0.1),
        (-0.7, 0.5, 0.5),
        (-0.7, -0.5, 0.5),
        (-1, 0, -0.2),
    ]
    landmarks = [int(np.argmax(directions @ np.array(pick))) for pick in picks]
    everything = np.arange(len(mean), dtype=np.int32)
    faces = np.asarray(sphere.faces, dtype=np.int32)
    eigenvalues = len(mean) * np.linspace(1.5, 0.5, modes) ** 2
    return ShapeModel(
        level=level,
        mean=mean,
        faces=faces,
        scaled_modes=(orthonormal * np.sqrt(eigenvalues)).reshape(-1, 3, modes).astype(np.float32),
        eigenvalues=eigenvalues,
        landmark_indices=np.array(landmarks, dtype=np.int32),
        patches={},
        fit_vertices=everything,
        fit_faces=faces,
        version="test",
        sha256="test",
    )


def toy_models() -> tuple[ShapeModel, ...]:
    return tuple(toy_model(level) for level in LEVELS)


def network_views() -> tuple[ConeBeam, ConeBeam]:
    """The test room on 512 x 512 pixels of 0.84 mm."""
    geometry = build_geometry(Calibration.model_validate(calibration_document()))
    ap, lat = geometry.ap.downsampled(2), geometry.lat.downsampled(2)
    assert isinstance(ap, ConeBeam) and isinstance(lat, ConeBeam)
    return ap, lat


def coarse_views() -> tuple[Projection, Projection]:
    """The same room on 256 x 256 pixels, where a test draws hundreds of images."""
    ap, lat = network_views()
    return ap.downsampled(2), lat.downsampled(2)


def true_parameters(models: tuple[ShapeModel, ...], rng: np.random.Generator, spread: float = 1.0) -> list[Parameters]:
    """A spine about the origin: five turned and shaped instances, 34 mm apart."""
    found = []
    for row, model in enumerate(models):
        pose = frames.rigid(
            frames.rotation_from_vector(spread * np.array([0.05, 0.15, 0.08]) * rng.normal(size=3)),
            np.array([4.0, 0.0, 68.0 - 34.0 * row]) + spread * 3.0 * rng.normal(size=3),
        )
        found.append(Parameters(pose, 0.8 * spread * rng.normal(size=model.rank)))
    return found


def world_mesh(model: ShapeModel, at: Parameters) -> TriangleMesh:
    return TriangleMesh(frames.apply(at.world_from_model, model.instance(at.coefficients)), model.faces)


def slot_views() -> tuple[Projection, Projection]:
    """A slot scanner's two fans on 256 x 256 pixels."""
    ap, lat = draw_room(np.random.default_rng(4), slot=True)
    return ap.downsampled(2), lat.downsampled(2)


def exact_detection(
    models: tuple[ShapeModel, ...],
    truth: list[Parameters],
    sigma_px: float = 2.0,
    room: tuple[Projection, Projection] | None = None,
) -> Detection:
    """What a perfect network would answer, in the test room or another one."""
    meshes = [world_mesh(model, at) for model, at in zip(models, truth, strict=True)]
    landmarks = np.stack([m.vertices[model.landmark_indices] for m, model in zip(meshes, models, strict=True)])
    views = []
    for projection in room or network_views():
        decomposition = drr_from_path_length(CpuProjector().path_lengths_mm(meshes, projection))
        pixels, _ = projection.project(landmarks)
        views.append(
            ViewDetection(projection, decomposition, pixels, np.full(pixels.shape[:2], sigma_px), np.ones(len(pixels)))
        )
    ap, lat = views
    return Detection(ap, lat, levels=tuple(model.level for model in models))


def with_landmark_noise(detection: Detection, rng: np.random.Generator) -> Detection:
    """Landmarks moved by their own sigma."""
    ap, lat = (
        replace(
            view,
            landmarks_px=view.landmarks_px
            + view.landmark_sigma_px[..., None] * rng.normal(size=view.landmarks_px.shape),
        )
        for view in detection.views
    )
    return Detection(ap, lat, levels=detection.levels)
