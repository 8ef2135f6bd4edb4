"""The artifacts of a job: every file that a reconstruction delivers, with its address, its media type and its words."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import VIEWS


@dataclass(frozen=True)
class Artifact:
    """One file, or one for every level or view.

    Attributes
    ----------
    operation : str
        Name of the route, of which the published operation id is made.
    address : str
        Below the address of the job; ``{level}`` or ``{view}`` stands for each of ``values``.
    file : str
        Name in the bundle, and of a download.
    media_type : str
    summary, remark, contents : str
        What it is, what to know of it and what is in it, in the interface's description.
    label, note : str
        Name and kind on the result page.
    parameter : str
        What the address leaves open; empty where it is whole.
    values : tuple of str
        What may stand there.
    repeats : bool
        Whether it only holds other artifacts again.
    is_framed : bool
        Whether it can be asked for along the axes of another frame (``contracts.FrameName``).
    sources : tuple of str
        Stored files that it is made of when somebody asks; empty where it is stored itself.
    """

    operation: str
    address: str
    file: str
    media_type: str
    summary: str
    remark: str
    contents: str
    label: str
    note: str
    parameter: str = ""
    values: tuple[str, ...] = ()
    repeats: bool = False
    is_framed: bool = False
    sources: tuple[str, ...] = ()

    def name(self, value: str = "") -> str:
        """File for one of ``values``."""
        return self.file.format_map({self.parameter: value})

    def files(self) -> Iterator[tuple[str, str]]:
        """Address below the job and file name, for each of ``values``."""
        for value in self.values or ("",):
            yield self.address.format_map({self.parameter: value}), self.name(value)


RESULT = Artifact(
    operation="result",
    address="/result",
    file="result.json",
    media_type="application/json",
    summary="The reconstruction without its meshes",
    remark="All lengths in mm, all angles in degrees, in the world frame of the calibration.",
    contents="Poses, coefficients, landmarks, quality, measurements",
    label="Result",
    note="JSON: poses, landmarks, measurements, quality",
)
MESH = Artifact(
    operation="mesh",
    address="/meshes/{level}.stl",
    file="{level}.stl",
    media_type="model/stl",
    summary="One vertebra as binary STL",
    remark="L1 to L5. Unit and axes stand in the header.",
    contents="Surface in mm, world frame or LPS",
    label="{level}",
    note="STL, mm",
    parameter="level",
    values=LEVELS,
    is_framed=True,
)
MESHES = Artifact(
    operation="meshes",
    address="/meshes.zip",
    file="meshes.zip",
    media_type="application/zip",
    summary="All vertebrae as STL in one ZIP",
    remark="Surfaces in mm, world frame or LPS.",
    contents="L1.stl to L5.stl",
    label="All meshes",
    note="zip of five STL files",
    repeats=True,
    is_framed=True,
)
SCENE = Artifact(
    operation="scene",
    address="/spine.glb",
    file="spine.glb",
    media_type="model/gltf-binary",
    summary="The spine as one GLB scene",
    remark="Metres, y up, as glTF has it; the darker a vertex, the larger its standard error, which the attribute "
    "_STANDARD_ERROR_MM gives in mm. Below the root the vertices are world mm.",
    contents="One named and coloured node a level",
    label="Spine",
    note="GLB, one node per vertebra",
)
OVERLAY = Artifact(
    operation="overlay",
    address="/overlay.json",
    file="overlay.json",
    media_type="application/json",
    summary="Outlines of the reconstruction in the two images",
    remark="Draw it over the images of the same job.",
    contents="Polylines and landmarks a view and level, in pixels of the two PNGs",
    label="Outlines",
    note="JSON, image pixels",
)
IMAGE = Artifact(
    operation="image",
    address="/images/{view}.png",
    file="{view}.png",
    media_type="image/png",
    summary="A radiograph as the network saw it",
    remark="For looking at, not for diagnosis.",
    contents="8-bit grey on the network's grid",
    label="{view}",
    note="PNG, 8-bit grey",
    parameter="view",
    values=VIEWS,
)
PICTURE = Artifact(
    operation="picture",
    address="/overlay.png",
    file="overlay.png",
    media_type="image/png",
    summary="Both radiographs with the outlines drawn on them",
    remark="For looking at, not for diagnosis.",
    contents="AP and lateral side by side, coloured outlines and names of the levels, twice enlarged",
    label="Picture",
    note="PNG: both images with the outlines",
    sources=(OVERLAY.file, *(name for _, name in IMAGE.files())),
)
DICOM = Artifact(
    operation="dicom",
    address="/dicom.zip",
    file="dicom.zip",
    media_type="application/zip",
    summary="The result as DICOM objects of the films' study",
    remark="For films that were DICOM files, where the service keeps their identifiers (LUMBAR3D_IDENTITY_KEY). Made "
    "when it is asked for, with unique identifiers derived from the job's: asked for again, it is the same bytes. "
    "Structured report (TID 1500) with every measurement, its standard error, flag and norm; Encapsulated PDF of the "
    "report of one page; Secondary Capture of the films with the outlines; Encapsulated STL of each level, in the "
    "patient coordinate system of DICOM. All of it names the patient: the files of the other addresses do not.",
    contents="measurements.dcm, report.dcm, outlines.dcm, L1.dcm to L5.dcm",
    label="DICOM",
    note="zip of DICOM objects",
    repeats=True,
)
SEGMENTATION = Artifact(
    operation="segmentation",
    address="/segmentation.dcm",
    file="segmentation.dcm",
    media_type="application/dicom",
    summary="The fitted vertebrae as a DICOM segmentation",
    remark="For the same jobs as dicom.zip, in the same study and in the frame of reference of its models: a binary "
    "volume of 1 mm a level. It names the patient.",
    contents="Segmentation, one segment a level",
    label="Segmentation",
    note="DICOM SEG, 1 mm",
    repeats=True,
)
"""As DICOM no file of the bundle: see ``lumbar3d.dicom_out``."""
REPORT_PAGE = Artifact(
    operation="report_page",
    address="/report.html",
    file="report.html",
    media_type="text/html",
    summary="The report as a printable page",
    remark="One file with everything in it, one A4 page when it is printed. It says what the PDF says.",
    contents="HTML without external resources",
    label="Report",
    note="HTML, one A4 page",
    repeats=True,
)
REPORT_SHEET = Artifact(
    operation="report_sheet",
    address="/report.pdf",
    file="report.pdf",
    media_type="application/pdf",
    summary="The report as PDF",
    remark="One A4 page: both films with the outlines, the spine, the key measurements with standard error, norm and "
    "flag, quality, notes, who signed, provenance.",
    contents="PDF of one page, fonts included",
    label="Report",
    note="PDF, one A4 page",
    repeats=True,
)
REPORTS = (REPORT_PAGE, REPORT_SHEET)
"""Made of several stored files and of what the job's row says: see ``lumbar3d.export.report``."""
PLY = Artifact(
    operation="ply",
    address="/spine.ply",
    file="spine.ply",
    media_type="application/octet-stream",
    summary="The spine as PLY with the standard error of each vertex",
    remark="Vertices have label (1 is L1), the level's colour and standard_error_mm, along the surface's normal.",
    contents="All vertebrae, binary, mm",
    label="Spine with errors",
    note="PLY, standard error of each vertex",
    is_framed=True,
    sources=(SCENE.file,),
)
VTP = Artifact(
    operation="vtp",
    address="/spine.vtp",
    file="spine.vtp",
    media_type="application/xml",
    summary="The spine as VTK PolyData with the standard error of each vertex",
    remark="Points have label (1 is L1) and standard_error_mm, along the surface's normal. For ParaView and 3D Slicer.",
    contents="All vertebrae, mm",
    label="Spine with errors",
    note="VTP for ParaView and 3D Slicer",
    is_framed=True,
    sources=(SCENE.file,),
)
OBJ = Artifact(
    operation="obj",
    address="/spine.obj",
    file="spine.obj",
    media_type="model/obj",
    summary="The spine as Wavefront OBJ",
    remark="One object a level; OBJ has no room for standard errors.",
    contents="All vertebrae, mm",
    label="Spine",
    note="OBJ, one object per vertebra",
    is_framed=True,
    sources=(SCENE.file,),
)
LABELS = Artifact(
    operation="labels",
    address="/labels.nii.gz",
    file="labels.nii.gz",
    media_type="application/gzip",
    summary="The vertebrae as a label volume",
    remark="NIfTI-1, 1 mm, RAS; label 1 is L1. A voxel belongs to the surface that its centre lies in.",
    contents="Labels 1 to 5, 0 outside",
    label="Label volume",
    note="NIfTI, 1 mm",
    sources=(SCENE.file,),
)
MARKUPS = Artifact(
    operation="markups",
    address="/landmarks.mrk.json",
    file="landmarks.mrk.json",
    media_type="application/json",
    summary="The landmarks as a point list of 3D Slicer",
    remark="LPS, mm; points on the fitted surfaces, named by level and landmark.",
    contents="Markups, schema 1.0.3",
    label="Landmarks",
    note="Markups of 3D Slicer",
    sources=(RESULT.file,),
)
SLICER = Artifact(
    operation="slicer",
    address="/spine.mrml",
    file="spine.mrml",
    media_type="application/xml",
    summary="The vertebrae and landmarks as a scene of 3D Slicer",
    remark="Opens the STL files along LPS and the markups that lie beside it, named and coloured.",
    contents="MRML",
    label="Scene of 3D Slicer",
    note="MRML; beside the STL files (LPS) and the markups",
    sources=(RESULT.file,),
)
TABLE = Artifact(
    operation="table",
    address="/measurements.csv",
    file="measurements.csv",
    media_type="text/csv",
    summary="The measurements as a table",
    remark="One row a measurement, with standard error, flag, norm and definition.",
    contents="CSV, UTF-8, with a heading",
    label="Measurements",
    note="CSV table",
    sources=(RESULT.file,),
)
FHIR = Artifact(
    operation="fhir",
    address="/fhir.json",
    file="fhir.json",
    media_type="application/fhir+json",
    summary="The measurements as a FHIR R4 bundle",
    remark="DiagnosticReport and Observations, preliminary and without a subject: the receiver knows the patient.",
    contents="A collection",
    label="Measurements",
    note="FHIR R4: DiagnosticReport and Observations",
    sources=(RESULT.file,),
)
FILM = Artifact(
    operation="film",
    address="/films/{view}.png",
    file="film_{view}.png",
    media_type="image/png",
    summary="A radiograph in its own resolution",
    remark="As it was sent, bone bright, without whatever named anybody; words that are burnt into the pixels stay. "
    "recognition.json says which grey values to show first. Of refused pairs too.",
    contents="16-bit grey, all pixels of the file",
    label="{view} film",
    note="PNG, 16-bit grey, native resolution",
    parameter="view",
    values=VIEWS,
)
RECOGNITION = Artifact(
    operation="recognition",
    address="/recognition.json",
    file="recognition.json",
    media_type="application/json",
    summary="What was recognised in the two films",
    remark="Of refused pairs too, as far as the networks came.",
    contents="Films, levels with their centres and probabilities, names, lumbar count",
    label="Recognition",
    note="JSON: centres and names in the films",
)
CONSTRUCTIONS = Artifact(
    operation="constructions",
    address="/constructions.json",
    file="constructions.json",
    media_type="application/json",
    summary="How each measurement is drawn",
    remark="Lines in mm and in pixels of both films as they were sent, with standard errors.",
    contents="One construction a measurement",
    label="Constructions",
    note="JSON: lines of each measurement in the films and in space",
)
RESIDUAL = Artifact(
    operation="residual",
    address="/residual/{view}.png",
    file="residual_{view}.png",
    media_type="image/png",
    summary="Where the fit and the film differ",
    remark="Bone of the film, as the networks separate it from everything else, less the DRR of the fitted vertebrae: "
    "128 is no difference, 255 bone that the fit does not cover, 1 fitted bone that is not seen. Over the same part of "
    "the film as images/{view}.png, with half as many columns and rows.",
    contents="8-bit grey on the network's half grid",
    label="{view} residual",
    note="PNG: the film's bone less the fitted bone",
    parameter="view",
    values=VIEWS,
)
KEPT = (FILM, RECOGNITION, CONSTRUCTIONS, RESIDUAL)
"""For whoever reads a result at a screen: kept with it, by engines that make them."""
EVIDENCE = (FILM, RECOGNITION)
"""Of these, what a refused pair has as well."""
FIT = "fit.npz"
"""What a revision starts from; it has no address."""
ARTIFACTS = (RESULT, MESH, MESHES, SCENE, OVERLAY, PICTURE, IMAGE, PLY, VTP, OBJ, LABELS, MARKUPS, SLICER, TABLE, FHIR)
STORED = tuple(artifact for artifact in ARTIFACTS if not artifact.sources)
MADE = tuple(artifact for artifact in ARTIFACTS if artifact.sources)
USUAL = (*STORED, PICTURE)
"""What a person gets who names no format."""
FILES = frozenset(name for artifact in STORED for _, name in artifact.files())
"""Names of all files that a job stores."""
FORMATS: dict[str, tuple[Artifact, ...]] = {
    "json": (RESULT,),
    "stl": (MESH,),
    "glb": (SCENE,),
    "ply": (PLY,),
    "vtp": (VTP,),
    "obj": (OBJ,),
    "nifti": (LABELS,),
    "markups": (MARKUPS,),
    "mrml": (SLICER,),
    "csv": (TABLE,),
    "fhir": (FHIR,),
    "png": (PICTURE, IMAGE),
    "html": (REPORT_PAGE,),
    "pdf": (REPORT_SHEET,),
}
"""What a caller of the library or the command line asks for by name."""


def take_over(file: Path, directory: Path) -> None:
    """Give a folder a file that stays as it is: a second name for it where the file system has such, else a copy."""
    try:
        os.link(file, directory / file.name)
    except OSError:
        shutil.copyfile(file, directory / file.name)
