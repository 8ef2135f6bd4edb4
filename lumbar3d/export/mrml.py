"""A scene of 3D Slicer (MRML) beside the files it names: the vertebrae as STL along LPS, the landmarks as markups."""

from __future__ import annotations

from itertools import count
from xml.etree import ElementTree

from lumbar3d import artifacts
from lumbar3d.contracts import ReconstructionResult
from lumbar3d.export.palette import COLOURS

_VERSION = "Slicer4.4.0"
"""What scenes of 3D Slicer 4.4 and later say."""


def scene(result: ReconstructionResult) -> bytes:
    """The scene of one result; its files are those of ``download --format stl --format markups --frame lps``."""
    root = ElementTree.Element("MRML", version=_VERSION, userTags="")
    numbers = count(1)
    for level in result.levels:
        colour = " ".join(f"{part / 255:.3f}" for part in COLOURS[level.level])
        display = {"color": colour, "opacity": "1", "visibility": "true", "scalarVisibility": "false"}
        file = artifacts.MESH.name(level.level)
        _shown(root, "Model", level.level, next(numbers), file, {"coordinateSystem": "LPS"}, display)
    marks = {"textScale": "0", "glyphScale": "1.5", "visibility": "true"}
    _shown(root, "MarkupsFiducial", "Landmarks", 1, artifacts.MARKUPS.file, {"coordinateSystem": "LPS"}, marks)
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


_STORAGE = {"Model": "ModelStorage", "MarkupsFiducial": "MarkupsJsonStorage"}
_DISPLAY = {"Model": "ModelDisplay", "MarkupsFiducial": "MarkupsDisplay"}


def _shown(
    root: ElementTree.Element,
    kind: str,
    name: str,
    number: int,
    file: str,
    storage: dict[str, str],
    display: dict[str, str],
) -> None:
    """A node with its file and how it is drawn; 3D Slicer finds both by their ids."""
    ids = {
        role: f"vtkMRML{node}Node{number}" for role, node in (("storage", _STORAGE[kind]), ("display", _DISPLAY[kind]))
    }
    file_of = {"id": ids["storage"], "name": f"{name} file", "fileName": file, "useCompression": "0", **storage}
    ElementTree.SubElement(root, _STORAGE[kind], file_of)
    ElementTree.SubElement(root, _DISPLAY[kind], {"id": ids["display"], "name": f"{name} display", **display})
    references = "".join(f"{role}:{ids[role]};" for role in ("display", "storage"))
    ElementTree.SubElement(
        root,
        kind,
        id=f"vtkMRML{kind}Node{number}",
        name=name,
        storageNodeRef=ids["storage"],
        displayNodeRef=ids["display"],
        references=references,
    )
