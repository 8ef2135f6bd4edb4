"""The artifacts of a job: every file that a reconstruction delivers, with its address, its media type and its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    remark="L1 to L5.",
    contents="Surface in mm, world frame",
    label="{level}",
    note="STL, mm",
    parameter="level",
    values=LEVELS,
)
MESHES = Artifact(
    operation="meshes",
    address="/meshes.zip",
    file="meshes.zip",
    media_type="application/zip",
    summary="All vertebrae as STL in one ZIP",
    remark="Surfaces in mm, world frame.",
    contents="L1.stl to L5.stl",
    label="All meshes",
    note="zip of five STL files",
    repeats=True,
)
SCENE = Artifact(
    operation="scene",
    address="/spine.glb",
    file="spine.glb",
    media_type="model/gltf-binary",
    summary="The spine as one GLB scene",
    remark="For viewers; the STL files are the measure.",
    contents="One node a level",
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
DICOM = Artifact(
    operation="dicom",
    address="/dicom.zip",
    file="dicom.zip",
    media_type="application/zip",
    summary="The result as DICOM objects of the films' study",
    remark="For films that were DICOM files, where the service keeps their identifiers (LUMBAR3D_IDENTITY_KEY). Made "
    "when it is asked for, with unique identifiers derived from the job's: asked for again, it is the same bytes. "
    "Structured report (TID 1500) with every measurement, its standard error, flag and norm; Secondary Capture of the "
    "films with the outlines; Encapsulated STL of each level, in the patient coordinate system of DICOM. All of it "
    "names the patient: the files of the other addresses do not.",
    contents="measurements.dcm, outlines.dcm, L1.dcm to L5.dcm",
    label="DICOM",
    note="zip of DICOM objects",
    repeats=True,
)
"""No file of the bundle: see ``lumbar3d.dicom_out``."""
ARTIFACTS = (RESULT, MESH, MESHES, SCENE, OVERLAY, PICTURE, IMAGE)
FILES = frozenset(name for artifact in ARTIFACTS for _, name in artifact.files())
"""Names of all files that a job delivers."""
