"""A real Orthanc for tests, and the demonstration films as DICOM files.

``python -m tests.orthanc FOLDER`` writes the pair, as films of one invented patient and study.
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
    folder.mkdir(parents=True, exist_ok=True)
    http_port, dicom_port = free_port(), free_port()
    configuration = {
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
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (
        process([BINARY, str(folder / "orthanc.json")], os.environ, folder / "orthanc.log"),
        httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=30) as http,
    ):
        wait_until(lambda: _answers(http), "Orthanc did not start")
        yield Orthanc(http, dicom_port)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/system").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def demo_film(folder: Path, view: str, study: str, **changes: object) -> Path:
    """A film of the demonstration pair as a DX file of this study; ``view`` is AP or LL."""
    name = {"AP": "ap", "LL": "lat"}[view]
    dataset = dicom(np.asarray(Image.open(DEMO / f"{name}.png")).astype(np.uint16))
    dataset.BitsStored, dataset.HighBit = 16, 15
    spacing = json.loads(CALIBRATION.read_text())[name]["pixel_spacing_mm"]
    dataset.ImagerPixelSpacing, dataset.ViewPosition = spacing[::-1], view
    dataset.PatientName, dataset.PatientID, dataset.BodyPartExamined = "Doe^Jane", "4711", "LSPINE"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, generate_uid()
    return write_dicom(folder / f"{study}.{view}.{dataset.SOPInstanceUID}", dataset, **changes)


if __name__ == "__main__":
    out, study_uid = Path(sys.argv[1]), generate_uid()
    out.mkdir(parents=True, exist_ok=True)
    for each in ("AP", "LL"):
        demo_film(out, each, study_uid)
