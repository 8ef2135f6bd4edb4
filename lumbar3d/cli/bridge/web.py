"""DICOMweb: films by QIDO-RS and WADO-RS out of an archive, results by STOW-RS into one."""

from __future__ import annotations

import io
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import Dataset, dcmwrite
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from lumbar3d.cli.bridge.arrivals import KINDS, Arrivals
from lumbar3d.cli.bridge.destination import Destination, Store
from lumbar3d.cli.bridge.ledger import Film
from lumbar3d.cli.bridge.sender import refusal
from lumbar3d.cli.bridge.spool import SpoolFullError
from lumbar3d.cli.errors import CliError, Exit

TIMEOUT_S = 30.0
POLL_S = 10.0
"""Between two questions for new films."""
PAGE = 200
"""Series asked for at once."""
AS_STORED = (("application/dicom", "*"),)
"""In the transfer syntax that the archive holds: nothing is decoded on the way."""
_STUDY, _SERIES, _SOP, _SOP_CLASS = "0020000D", "0020000E", "00080018", "00080016"
_INSTANCES = "00201209"
_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def archive(url: str, authorization: str | None) -> DICOMwebClient:
    """A client of the archive's DICOMweb address; ``authorization`` is the header's value."""
    headers = {"Authorization": authorization} if authorization else None
    return DICOMwebClient(url, headers=headers, timeout=TIMEOUT_S)


class WebSource:
    """Films that an archive has, asked for again and again.

    Parameters
    ----------
    client : DICOMwebClient
    arrivals : Arrivals
        Knows which films have come; a bridge that was killed in between fetches again what it does not know.
    days : int
        Studies of today and of so many days before are looked at.
    """

    def __init__(self, client: DICOMwebClient, arrivals: Arrivals, days: int) -> None:
        self._client, self._arrivals, self._days = client, arrivals, days
        self._complete: dict[str, int] = {}
        self._next_s = 0.0

    def poll(self) -> None:
        """Take what is new, where the last look is long enough ago.

        Raises
        ------
        CliError
            The archive does not answer as it should; what was taken by then is taken.
        """
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + POLL_S
        try:
            for modality in KINDS.values():
                for series in self._series(modality):
                    self._take_series(series)
        except SpoolFullError as error:
            raise CliError(str(error)) from None
        except (OSError, sqlite3.Error, ValueError) as error:  # what requests raises is an OSError
            raise CliError(
                f"no films from the archive by DICOMweb ({type(error).__name__})", Exit.UNREACHABLE
            ) from None

    def _series(self, modality: str) -> Iterator[dict[str, Any]]:
        """Page by page; today is the archive's, which may be a day off ours."""
        now = datetime.now(UTC)
        first, last = (now + timedelta(days=days) for days in (-self._days, 1))
        wanted = {"Modality": modality, "StudyDate": f"{first:%Y%m%d}-{last:%Y%m%d}"}
        offset = 0
        while True:
            found = self._client.search_for_series(
                search_filters=wanted, limit=PAGE, offset=offset, fields=["NumberOfSeriesRelatedInstances"]
            )
            yield from found
            if len(found) < PAGE:
                return
            offset += PAGE

    def _take_series(self, series: dict[str, Any]) -> None:
        """Its films; a series that has grown by nothing since is not asked for again."""
        study, uid, count = _value(series, _STUDY), _value(series, _SERIES), _value(series, _INSTANCES)
        if count and self._complete.get(uid) == int(count):
            return
        instances = self._client.search_for_instances(study, uid, fields=["SOPClassUID"])
        for each in instances:
            sop = _value(each, _SOP)
            if UID(_value(each, _SOP_CLASS)) in KINDS and not self._arrivals.ledger.knows(sop):
                self._take(study, uid, sop)
        self._complete[uid] = len(instances)

    def _take(self, study: str, series: str, sop: str) -> None:
        """One film; an answer that is no such film is on the worklist and holds up no other."""
        try:
            dataset = self._client.retrieve_instance(study, series, sop, media_types=AS_STORED)
            content = io.BytesIO()
            dcmwrite(content, dataset, enforce_file_format=True)
        except (InvalidDicomError, AttributeError, ValueError):
            dataset = Dataset()
        if dataset.get("SOPInstanceUID") == sop:
            self._arrivals.take(sop, content.getvalue(), dataset)
        else:
            self._arrivals.ledger.add(Film(sop, study, None, "the archive gave no such DICOM file"))


class WebSender(Destination):
    """One archive, by its DICOMweb client; stores by STOW-RS."""

    def __init__(self, client: DICOMwebClient) -> None:
        self._client = client

    def _connected(self, objects: Sequence[Dataset]) -> AbstractContextManager[Store]:  # noqa: ARG002 (the base's)
        return nullcontext(self._stored)

    def _stored(self, instance: Dataset) -> str | None:
        try:
            answer = self._client.store_instances([instance])
        except requests.HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            if status in _REFUSED:
                return f"the archive refuses {UID(instance.SOPClassUID).name} (HTTP {status})"
            raise CliError(f"the archive cannot store at this moment (HTTP {status})") from None
        except (requests.RequestException, ValueError) as error:
            raise CliError(f"the archive does not answer ({type(error).__name__})", Exit.UNREACHABLE) from None
        sop = str(instance.SOPInstanceUID)
        if any(item.ReferencedSOPInstanceUID == sop for item in answer.get("ReferencedSOPSequence", ())):
            return None
        reasons = [item.FailureReason for item in answer.get("FailedSOPSequence", ())]
        if not reasons:
            raise CliError("the archive does not say whether it has stored the object", Exit.UNREACHABLE)
        return refusal(int(reasons[0]))


def _value(document: dict[str, Any], tag: str) -> str:
    """First value of an attribute of DICOM JSON (PS3.18 F.2); empty where there is none."""
    values = document.get(tag, {}).get("Value") or [""]
    return str(values[0])
