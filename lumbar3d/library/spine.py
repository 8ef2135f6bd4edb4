"""A reconstructed spine to work with: levels by name, measurements by code, tables, pictures and files."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from PIL import Image

from lumbar3d.anatomy import LANDMARKS, Level
from lumbar3d.arrays import Array, Indices
from lumbar3d.artifacts import FORMATS, RESULT
from lumbar3d.bundle import films_as_sent, view_overlays, write_bundle
from lumbar3d.contracts import FrameName, LevelQuality, Measurement
from lumbar3d.drr.projector import Projector
from lumbar3d.export.conversions import delivered
from lumbar3d.export.measurement_table import rows
from lumbar3d.export.picture import overlay_picture
from lumbar3d.reconstruction import Reconstruction

if TYPE_CHECKING:
    import pandas

USUAL_FORMATS = ("json", "stl", "glb", "csv", "png")


@dataclass(frozen=True, eq=False, repr=False)
class Vertebra:
    """One level.

    Attributes
    ----------
    level : str
    vertices_mm : (V, 3) float64
        World mm (x anterior, y left, z up). Vertex ``i`` is the same place of the bone in every patient.
    faces : (F, 3) int32
        Counter-clockwise seen from outside.
    standard_error_mm : (V,) float64, or None where the engine states none
        Of each vertex along the surface's normal.
    landmarks_mm : mapping of name to (3,) float64
        On the fitted surface, world mm.
    measurements : tuple of Measurement
        Of this level alone.
    quality : LevelQuality
    """

    level: Level
    vertices_mm: Array
    faces: Indices
    standard_error_mm: Array | None
    landmarks_mm: Mapping[str, Array]
    measurements: tuple[Measurement, ...]
    quality: LevelQuality

    def __repr__(self) -> str:
        error = self.quality.surface_sigma_mm
        told = "" if error is None else f", standard error {error:.2f} mm"
        return f"<Vertebra {self.level}: {len(self.vertices_mm)} vertices{told}, quality {self.quality.flag}>"


@dataclass(frozen=True, eq=False, repr=False)
class Spine(Reconstruction):
    """What ``lumbar3d.reconstruct`` gives.

    Attributes
    ----------
    projector : Projector
        Draws the outlines.
    """

    projector: Projector = field(kw_only=True)

    @classmethod
    def of(cls, reconstruction: Reconstruction, projector: Projector) -> Self:
        """The same with what a person wants of it."""
        known = {each.name: getattr(reconstruction, each.name) for each in fields(reconstruction)}
        return cls(**known, projector=projector)

    def __getitem__(self, level: str) -> Vertebra:
        """One vertebra by its name.

        Raises
        ------
        KeyError
            It was not reconstructed.
        """
        if level not in self.meshes:
            raise KeyError(f"no {level}; there are {', '.join(self.meshes)}")
        row = [vertebra.level for vertebra in self.vertebrae].index(level)
        fitted, mesh = self.vertebrae[row], self.meshes[level]
        return Vertebra(
            level=level,
            vertices_mm=mesh.vertices,
            faces=mesh.faces,
            standard_error_mm=fitted.normal_sigma_mm(),
            landmarks_mm=dict(zip(LANDMARKS, fitted.landmarks_world(), strict=True)),
            measurements=tuple(each for each in self.measurements if each.target == level),
            quality=self.quality[row],
        )

    def measurement(self, code: str, target: str) -> Measurement:
        """One measurement, e.g. ``("slip_sagittal", "L4/L5")``.

        Raises
        ------
        KeyError
            There is none; the message says what there is.
        """
        for each in self.measurements:
            if (each.code, each.target) == (code, target):
                return each
        targets = [each.target for each in self.measurements if each.code == code]
        if targets:
            raise KeyError(f"no {code} of {target}; there is one of {', '.join(targets)}")
        raise KeyError(f"no measurement {code}; there are {', '.join(sorted({m.code for m in self.measurements}))}")

    def rows(self) -> list[dict[str, Any]]:
        """All measurements as plain rows: code, name, target, value, unit, standard error, flag, norm, definition."""
        return rows(self.measurements)

    def table(self) -> pandas.DataFrame:
        """``rows`` as a pandas table.

        Raises
        ------
        ModuleNotFoundError
            pandas is not installed.
        """
        import pandas

        return pandas.DataFrame(self.rows())

    def picture(self) -> Image.Image:
        """Both films with the outlines of the vertebrae, RGB."""
        return overlay_picture(films_as_sent(self), view_overlays(self, self.projector))

    def show(self) -> None:
        """Show the picture: below the cell of a notebook, else in this machine's viewer."""
        ipython = sys.modules.get("IPython")
        if ipython is not None and hasattr(ipython.get_ipython(), "kernel"):
            ipython.display.display(self)
        else:
            self.picture().show(title=repr(self))

    def save(
        self, folder: str | Path, formats: Sequence[str] = USUAL_FORMATS, frame: FrameName = "srs"
    ) -> tuple[Path, ...]:
        """Write files into a folder, which is made where it is missing.

        Parameters
        ----------
        folder : str or Path
        formats : sequence of str
            Of json, stl, glb, ply, vtp, obj, nifti, markups, mrml, csv, fhir, png, html, pdf (``docs/files.md``).
        frame : {"srs", "lps"}
            Axes of stl, ply, vtp and obj; 3D Slicer takes meshes for lps. The others have one frame of their own.

        Returns
        -------
        tuple of Path
            In the order of ``formats``.

        Raises
        ------
        ValueError
            A format or frame that does not exist; nothing is written then.
        """
        unknown = [name for name in formats if name not in FORMATS]
        if unknown or frame not in ("srs", "lps"):
            raise ValueError(f"formats are {', '.join(FORMATS)}; frames are srs and lps")
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        paths = []
        with tempfile.TemporaryDirectory(prefix="lumbar3d-") as stored:
            write_bundle(self, Path(stored), self.projector)
            (Path(stored) / RESULT.file).write_text(self.to_result().model_dump_json())
            for artifact in (artifact for name in formats for artifact in FORMATS[name]):
                for name, content in delivered(artifact, Path(stored), frame):
                    paths.append(target / name)
                    paths[-1].write_bytes(content)
        return tuple(paths)

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        buffer = io.BytesIO()
        self.picture().save(buffer, format="PNG")
        return buffer.getvalue()
