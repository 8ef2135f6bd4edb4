"""``calibrate``: calibration documents from DICOM tags, or from a bead phantom."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.arrays import Array
from lumbar3d.cli import examples
from lumbar3d.cli.console import note
from lumbar3d.cli.errors import CliError, Exit
from lumbar3d.cli.groups import Commands
from lumbar3d.cli.options import ApArgument, LatArgument
from lumbar3d.contracts import VIEW_TITLE, VIEWS, Calibration

if TYPE_CHECKING:
    from lumbar3d.geometry.beads import BeadFit, Detector
    from lumbar3d.imaging.header import ImageHeader

app = typer.Typer(cls=Commands, help="Write calibration documents.", no_args_is_help=True, rich_markup_mode=None)

COLUMNS = ("view", "x_mm", "y_mm", "z_mm", "u_px", "v_px")
"""First line of a table of beads."""
MOST_BYTES = 1 << 20
OutOption = Annotated[
    Path | None, typer.Option("--out", dir_okay=False, help="file to write; otherwise the document goes to stdout")
]
Pairs = list[tuple[list[float], list[float]]]
"""World and pixel of each bead."""
Quality = dict[str, float]


@app.command("from-dicom", epilog=examples.of("calibrate from-dicom"))
def from_dicom(ap: ApArgument, lat: LatArgument, path: OutOption = None, as_json: JsonOption = False) -> None:
    """From the tags of both films: distances, positioner angles, patient orientation, spacing.

    By calling this you state that the room is orthogonal: both central rays go through one isocentre, at Distance
    Source to Patient from either source, and meet the middle of a detector that stands square to them.
    """
    from lumbar3d.imaging.tagged_room import calibration_from_tags

    _finish(calibration_from_tags(*_headers((ap, lat))), path, {}, as_json)


@app.command("from-beads", epilog=examples.of("calibrate from-beads"))
def from_beads(
    pairs: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, metavar="PAIRS.csv", help=f"a line a bead and view: {','.join(COLUMNS)}"
        ),
    ],
    films: Annotated[
        tuple[Path, Path],
        typer.Option(help="AP and lateral image of the phantom, or of the patient: size and, in DICOM, spacing"),
    ],
    spacing_mm: Annotated[
        tuple[float, float] | None,
        typer.Option(help="between columns and between rows, at the detector; for images that do not say it"),
    ] = None,
    path: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """From a bead phantom: direct linear transformation, refined by reprojection, with its errors.

    Beads are told in the world of the contract: x anterior, y to the patient's left, z up, mm. At least 8 a view,
    not in a plane.
    """
    from lumbar3d.errors import about

    table, views, qualities = _read_pairs(pairs), {}, dict[str, Quality]()
    for name, header in zip(VIEWS, _headers(films), strict=True):
        with about(f"{VIEW_TITLE[name]} view"):
            fit = _fit(table[name], _detector(header, spacing_mm))
        views[name], qualities[name] = fit.view, _quality(fit)
        note(_in_words(name, qualities[name]))
    _finish(Calibration(version="1.0", ap=views["ap"], lat=views["lat"]), path, qualities, as_json)


def _headers(films: tuple[Path, Path]) -> list[ImageHeader]:
    from lumbar3d.imaging.inspect import inspect_image

    return [inspect_image(name, film) for name, film in zip(VIEWS, films, strict=True)]


def _detector(header: ImageHeader, spacing_mm: tuple[float, float] | None) -> Detector:
    from lumbar3d.geometry.beads import Detector

    known_mm = header.spacing_mm or spacing_mm
    if known_mm is None:
        raise CliError("the images do not say their pixel spacing: give --spacing-mm", Exit.USAGE)
    return Detector(known_mm, header.columns, header.rows)


def _read_pairs(path: Path) -> dict[str, Pairs]:
    """Beads and their pixels, by view."""
    if path.stat().st_size > MOST_BYTES:
        raise CliError(f"{path.name} is no table of beads: more than {MOST_BYTES >> 20} MiB", Exit.REFUSED)
    table: dict[str, Pairs] = {name: [] for name in VIEWS}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file)
            if not set(COLUMNS) <= set(lines.fieldnames or ()):
                raise CliError(f"the first line of {path.name} must name {', '.join(COLUMNS)}", Exit.REFUSED)
            for line in lines:
                name, x, y, z, u, v = (line[column] for column in COLUMNS)
                numbers = [float(text) for text in (x, y, z, u, v)]
                if not all(map(math.isfinite, numbers)):
                    raise ValueError
                table[name.strip().lower()].append((numbers[:3], numbers[3:]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CliError(f"{path.name}: line {lines.line_num} is not ap or lat and five numbers", Exit.REFUSED) from None
    except csv.Error:
        raise CliError(f"{path.name} is not a table of comma-separated values", Exit.REFUSED) from None
    return table


def _fit(pairs: Pairs, detector: Detector) -> BeadFit:
    import numpy as np

    from lumbar3d.geometry.beads import fit_view

    beads, pixels = (np.array([pair[part] for pair in pairs], dtype=float) for part in (0, 1))
    return fit_view(beads.reshape(-1, 3), pixels.reshape(-1, 2), detector)


def _quality(fit: BeadFit) -> Quality:
    """Reprojection errors of a view's beads, in the fit and of each by a fit without it."""
    import numpy as np

    left, apart = (
        np.linalg.norm(errors * fit.view.pixel_spacing_mm, axis=1) for errors in (fit.residual_px, fit.left_out_px)
    )
    return {
        "beads": len(left),
        "residual_mm": _rms(left),
        "largest_residual_mm": float(left.max()),
        "left_out_mm": _rms(apart),
        "largest_left_out_mm": float(apart.max()),
        "largest_left_out_bead": int(apart.argmax()) + 1,
        "source_sd_mm": float(fit.source_sd_mm),
    }


def _in_words(name: str, quality: Quality) -> str:
    return (
        f"{VIEW_TITLE[name]} view, {quality['beads']} beads, mm at the detector: residual {quality['residual_mm']:.3f} "
        f"(largest {quality['largest_residual_mm']:.3f}), of each bead by a fit without it "
        f"{quality['left_out_mm']:.3f} (largest {quality['largest_left_out_mm']:.3f}, bead "
        f"{quality['largest_left_out_bead']}); standard error of the source {quality['source_sd_mm']:.1f} mm"
    )


def _rms(values: Array) -> float:
    return float((values**2).mean() ** 0.5)


def _finish(calibration: Calibration, path: Path | None, qualities: dict[str, Quality], as_json: bool) -> None:
    """Refuse a room that no job would take, write the document."""
    from lumbar3d.geometry.calibration import build_geometry

    geometry = build_geometry(calibration)
    text = calibration.model_dump_json(indent=2)
    if path is not None:
        path.write_text(text + "\n")
    told = {
        "calibration": calibration.model_dump(mode="json"),
        "files": [str(path)] if path else [],
        "view_angle_deg": float(geometry.view_angle_deg),
        "notes": list(geometry.notes),
        "errors": qualities,
    }
    show(str(path) if path else text, told, as_json)
    note(f"Angle between the views {geometry.view_angle_deg:.1f} degrees. {' '.join(geometry.notes)}".strip())
