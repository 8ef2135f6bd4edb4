"""Files of drawn people.

``python -m lumbar3d.training.population.write --count 175 --out FOLDER [--remesh] [--seed 1]``

Each person gets ``NNNN/L1.ply`` .. and ``NNNN/subject.json`` (sex, age, stature, dimensions, joints, diagnoses, poses).
Meshes are in the world, one topology for all. With ``--remesh`` they are ordinary people whose meshes have a topology,
noise and pose of their own (``remeshed``); their seven landmarks are in ``landmarks_L1.json`` .. by file name, and
``known_L1.npz`` .. holds what a pipeline that gets only the meshes should find: vertices (N, V, 3) in correspondence.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import trimesh

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.population.plan import EVERYBODY, ORDINARY
from lumbar3d.training.population.remeshed import remeshed
from lumbar3d.training.population.stream import Population
from lumbar3d.training.population.subject import Subject


def write_world(population: Population, subject: Subject, folder: Path) -> None:
    """One person's meshes and parameters."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, level in enumerate(subject.levels):
        _save(subject.mesh_world(k, population.models["L3"]), folder / f"{level}.ply")
    (folder / "subject.json").write_text(json.dumps(describe(subject), indent=1) + "\n")


def describe(subject: Subject) -> dict[str, object]:
    """Everything about a person but the vertices, as plain values."""
    return {
        "seed": list(subject.seed),
        "sex": subject.sex,
        "age_years": round(subject.age_years, 1),
        "stature_cm": round(subject.stature_cm, 1),
        "posture": subject.posture,
        "diagnoses": list(subject.diagnoses),
        "pelvic_incidence_deg": round(subject.pelvic_incidence_deg, 2),
        "values": {
            level: {name: round(value, 4) for name, value in values.items()}
            for level, values in zip(subject.levels, subject.values, strict=True)
        },
        "joints": [{name: round(float(value), 4) for name, value in asdict(j).items()} for j in subject.joints],
        "world_from_model": {
            level: np.round(pose, 6).tolist() for level, pose in zip(subject.levels, subject.poses, strict=True)
        },
        "world_from_sacrum": np.round(subject.world_from_sacrum, 6).tolist(),
    }


def write_remeshed(population: Population, people: list[Subject], folder: Path) -> None:
    """Meshes without correspondence, their landmarks, and the correspondence apart."""
    for k, level in enumerate(people[0].levels):
        model, marks = population.models[level], {}
        for number, subject in enumerate(people):
            rng = np.random.default_rng([*subject.seed, k, 1])
            vertices = subject.vertices[k]
            mesh, landmarks, _ = remeshed(TriangleMesh(vertices, model.faces), vertices[model.landmark_indices], rng)
            name = f"{number:04d}_{level}.ply"
            (folder / level).mkdir(parents=True, exist_ok=True)
            _save(mesh, folder / level / name)
            marks[name] = dict(zip(LANDMARKS, np.round(landmarks, 4).tolist(), strict=True))
        (folder / f"landmarks_{level}.json").write_text(json.dumps(marks, indent=1) + "\n")
        known = np.stack([subject.vertices[k] for subject in people]).astype(np.float32)
        np.savez_compressed(folder / f"known_{level}.npz", vertices=known, faces=model.faces)


def _save(mesh: TriangleMesh, path: Path) -> None:
    trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--remesh", action="store_true")
    arguments = parser.parse_args()
    population = Population(mixture=ORDINARY if arguments.remesh else EVERYBODY)
    people = (population.subject(arguments.seed, place) for place in range(arguments.count))
    if arguments.remesh:
        write_remeshed(population, list(people), arguments.out)
        return
    for number, subject in enumerate(people):
        write_world(population, subject, arguments.out / f"{number:04d}")


if __name__ == "__main__":
    main()
