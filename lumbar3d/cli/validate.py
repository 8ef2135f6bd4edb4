"""``validate``: a reconstruction beside the person's own CT."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.cli.console import note
from lumbar3d.cli.reconstruct import Device

FilmsArgument = Annotated[
    Path,
    typer.Argument(exists=True, file_okay=False, metavar="FILMS", help="folder: ap.*, lat.* and calibration.json"),
]
CtArgument = Annotated[
    Path,
    typer.Argument(
        exists=True, metavar="CT", help="folder of L1.stl .. L5.ply or L1.nii.gz, or one mask with VerSe's labels"
    ),
]
MeshFrameOption = Annotated[
    Literal["lps", "ras", "srs"], typer.Option("--mesh-frame", help="axes of meshes; NIfTI says its own")
]


def validate(
    films: FilmsArgument,
    ct: CtArgument,
    mesh_frame: MeshFrameOption = "lps",
    device: Device = "auto",
    as_json: JsonOption = False,
) -> None:
    """Surface and pose errors of a reconstruction against the person's own CT, level by level.

    The CT's vertebrae are placed one by one on the same films, so a lying CT may be held against standing films.
    """
    from lumbar3d.pipeline import Engine
    from lumbar3d.validation.against_ct import validate as compare
    from lumbar3d.validation.ct_folder import read_ct
    from lumbar3d.validation.films_folder import read_films
    from lumbar3d.validation.own_model import own_vertebrae
    from lumbar3d.validation.table import lines

    ap, lat, calibration = read_films(films)
    surfaces = read_ct(ct, mesh_frame)
    note(f"{', '.join(surfaces)} found in the CT")
    engine = Engine.load(None, device)
    found = engine.reconstruct(ap, lat, calibration)
    own = own_vertebrae(engine.models, surfaces)
    levels = compare(found.registration, found.detection, own, engine.projector, engine.constants)
    show("\n".join(lines(levels)), {"levels": [asdict(level) for level in levels]}, as_json)
