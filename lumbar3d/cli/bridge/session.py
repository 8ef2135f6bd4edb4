"""Session of a film: whose it is, when and where it was taken, as far as pairing over two studies needs it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from pydicom import Dataset
from pydicom.valuerep import DA, DT, TM

LONGEST = timedelta(minutes=15)
"""Between the films of one session: the patient turns by a quarter and keeps the posture, which takes a few minutes."""
_STATIONS = ("DeviceSerialNumber", "StationName")
_TIMES = (("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime"))


@dataclass(frozen=True)
class Session:
    """What a film says of its session.

    Attributes
    ----------
    patient : str
        Hash of Patient ID and its issuer.
    taken : str
        Local time in ISO 8601.
    station : str or None
        Serial number of the device, or else the name of the station.
    frame : str or None
        Frame of Reference UID.
    """

    patient: str
    taken: str
    station: str | None = None
    frame: str | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Session | None:
        """None where the film does not say whose it is and when it was taken."""
        patient, taken = _text(dataset, "PatientID"), _taken(dataset)
        if patient is None or taken is None:
            return None
        whose = f"{_text(dataset, 'IssuerOfPatientID') or ''}\n{patient}"
        station = next((said for name in _STATIONS if (said := _text(dataset, name))), None)
        hidden = hashlib.sha256(whose.encode()).hexdigest()
        return cls(hidden, taken.isoformat(), station, _text(dataset, "FrameOfReferenceUID"))

    @classmethod
    def from_json(cls, document: str) -> Session:
        """What ``to_json`` wrote."""
        return cls(**json.loads(document))

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    def is_that_of(self, other: Session) -> bool:
        """Whether two films are of one patient, in one room, and soon enough after each other.

        The room is the same where both share a frame of reference, or where the stations that both name are one; a film
        that names none contradicts nothing.
        """
        apart = abs(datetime.fromisoformat(self.taken) - datetime.fromisoformat(other.taken))
        one_frame = self.frame is not None and self.frame == other.frame
        one_station = None in (self.station, other.station) or self.station == other.station
        return self.patient == other.patient and apart <= LONGEST and (one_frame or one_station)


def _taken(dataset: Dataset) -> datetime | None:
    try:
        if (whole := _text(dataset, "AcquisitionDateTime")) is not None and len(whole) >= len("YYYYMMDDHHMM"):
            return DT(whole).replace(tzinfo=None)
        for day, hour in _TIMES:
            date, time = _text(dataset, day), _text(dataset, hour)
            if date is not None and time is not None:
                return datetime.combine(DA(date), TM(time))
    except ValueError:
        return None
    return None


def _text(dataset: Dataset, keyword: str) -> str | None:
    return str(dataset.get(keyword) or "").strip() or None
