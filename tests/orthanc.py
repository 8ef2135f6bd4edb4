"""A real Orthanc for tests, and the demonstration films as DICOM files.

``python -m tests.orthanc FOLDER`` writes the pair, as films of one invented patient and study;
``python -m tests.orthanc configuration FOLDER HTTP DICOM BRIDGE`` the configuration of an archive with these ports.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from pydicom.uid import generate_uid

from benchmarks.processes import free_port, process, wait_until
from tests.unit.radiograph_files import dicom, write_dicom

DEMO = Path(__file__).resolve().parents[1] / "demo"
CALIBRATION = DEMO / "calibration.json"
BINARY = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
WEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
"""Of Debian's package orthanc-dicomweb."""


@dataclass(frozen=True)
class Orthanc:
    """A running archive; ``http`` speaks its REST interface."""

    http: httpx.Client
    dicom_port: int

    @property
    def web(self) -> str:
        """Its DICOMweb address."""
        return f"{str(self.http.base_url).rstrip('/')}/dicom-web"

    def send_to_bridge(self, instance: str) -> bool:
        """C-STORE one of its instances to the bridge; whether that was taken."""
        return self.http.post("/modalities/bridge/store", json=[instance]).status_code == httpx.codes.OK

    def instances(self, study_uid: str) -> list[dict[str, str]]:
        """Main tags of what a study holds."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_uid}, "Expand": True}
        found: list[dict[str, Any]] = self.http.post("/tools/find", json=query).json()
        return [each["MainDicomTags"] for each in found]


@contextmanager
def orthanc(folder: Path, bridge_port: int, forwards: bool = True) -> Iterator[Orthanc]:
    """An archive on free ports that knows the bridge, and forwards films to it unless it is asked for them."""
    assert BINARY is not None
    http_port, dicom_port = free_port(), free_port()
    configured = configuration(folder, (http_port, dicom_port, bridge_port), forwards)
    with (
        process([BINARY, str(configured)], os.environ, folder / "orthanc.log"),
        httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=30) as http,
    ):
        wait_until(lambda: answers(http), "Orthanc did not start")
        yield Orthanc(http, dicom_port)


def configuration(folder: Path, ports: tuple[int, int, int], forwards: bool) -> Path:
    """Write the archive's configuration; ports: its HTTP and DICOM port and the bridge's."""
    folder.mkdir(parents=True, exist_ok=True)
    http_port, dicom_port, bridge_port = ports
    document = {
        "StorageDirectory": str(folder / "storage"),
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomModalities": {"bridge": ["LUMBAR3D", "127.0.0.1", bridge_port]},
        "LuaScripts": [str(DEMO.parent / "docker" / "orthanc" / "forward.lua")] if forwards else [],
        "Plugins": [str(WEB_PLUGIN)] if WEB_PLUGIN.is_file() else [],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(document))
    return path


def answers(http: httpx.Client) -> bool:
    """Whether the archive is there."""
    try:
        return http.get("/system").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def demo_room(every: int = 1) -> dict[str, Any]:
    """The demonstration pair's calibration, for films of every so-manieth pixel."""
    room: dict[str, Any] = json.loads(CALIBRATION.read_text())
    for name in ("ap", "lat"):
        view = room[name]
        pitch = [every * mm for mm in view["pixel_spacing_mm"]]
        room[name] = view | {
            "pixel_spacing_mm": pitch,
            "columns": view["columns"] // every,
            "rows": view["rows"] // every,
        }
    return room


def demo_film(folder: Path, view: str, study: str, every: int = 1, **changes: object) -> Path:
    """A film of the demonstration pair as a DX file of this study; ``view`` is AP or LL."""
    name = {"AP": "ap", "LL": "lat"}[view]
    dataset = dicom(np.asarray(Image.open(DEMO / f"{name}.png")).astype(np.uint16)[::every, ::every])
    dataset.BitsStored, dataset.HighBit = 16, 15
    spacing = demo_room(every)[name]["pixel_spacing_mm"]
    dataset.ImagerPixelSpacing, dataset.ViewPosition = spacing[::-1], view
    dataset.PatientName, dataset.PatientID, dataset.BodyPartExamined = "Doe^Jane", "4711", "LSPINE"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, generate_uid()
    return write_dicom(folder / f"{study}.{view}.{dataset.SOPInstanceUID}", dataset, **changes)


def main(words: list[str]) -> None:
    """Write what is asked for."""
    if words[0] == "configuration":
        http_port, dicom_port, bridge_port = map(int, words[2:])
        configuration(Path(words[1]).resolve(), (http_port, dicom_port, bridge_port), forwards=True)
        return
    out, study = Path(words[0]), generate_uid()
    out.mkdir(parents=True, exist_ok=True)
    for each in ("AP", "LL"):
        demo_film(out, each, study)


if __name__ == "__main__":
    main(sys.argv[1:])
