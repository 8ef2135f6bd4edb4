"""Steps of the bridge, again and again: pair, submit, look, store."""

from __future__ import annotations

import time
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path

import pydicom

from lumbar3d import codes
from lumbar3d.cli.bridge.destination import Destination
from lumbar3d.cli.bridge.ends import Ends
from lumbar3d.cli.bridge.ledger import Ledger, Pair, State, key_of
from lumbar3d.cli.bridge.pairing import pair_of, pairs_of_sessions
from lumbar3d.cli.bridge.spool import Spool
from lumbar3d.cli.console import tell
from lumbar3d.cli.errors import CliError
from lumbar3d.client import ClientError, JobsClient, RefusedError
from lumbar3d.contracts import JobState, JobStatus, ReconstructOptions

ACCESS = ("unauthorized", "forbidden")
"""A wrong key is a fault of the set-up: no study is given up for it."""
GONE = "job_not_found"
ACCEPTED, REJECTED = "accepted", "rejected"
LONGEST_WAIT_DAYS = 7
"""For a partner; after that a film's file is removed."""
DAY_S = 86400.0
SIGN_OFF_S = 30.0
"""Between two looks at a result that nobody has signed yet."""


@dataclass(frozen=True)
class Bridge:
    """Everything a step needs.

    Attributes
    ----------
    ledger, spool, client, sender
    calibration : Path or None
        Of the site; None: from the films' tags.
    settle_s : float
        A study in which nothing arrived for so long is taken to be complete.
    require_accepted : bool
        Whether a result waits for somebody to accept it, where the service keeps sign-offs.
    segmentation : bool
        Whether the vertebrae are stored as a segmentation too.
    as_json : bool
        Whether events are told as JSON on stdout.
    """

    ledger: Ledger
    spool: Spool
    client: JobsClient
    sender: Destination
    calibration: Path | None
    settle_s: float
    require_accepted: bool = True
    segmentation: bool = False
    as_json: bool = False
    _next_look_s: dict[str, float] = field(default_factory=dict)

    @cached_property
    def ends(self) -> Ends:
        """Of submitted jobs."""
        return Ends(self.client)

    def tell(self, text: str, **event: object) -> None:
        """What has happened, for a person and for a program."""
        tell(text, event, self.as_json)

    def tell_refusal(self, reason: str) -> None:
        """What a sender was refused."""
        self.tell(reason, event="refused", job=None, reason=reason)

    def step(self) -> None:
        """Bring everything as far as it gets; a trouble with one pair holds up no other."""
        for sop in self.ledger.expire(LONGEST_WAIT_DAYS * DAY_S, f"no partner came in {LONGEST_WAIT_DAYS} days"):
            self.spool.drop_film(sop)
        self._pair()
        for pair in self.ledger.pairs(State.PAIRED):
            self._try(pair)
        for pair in self.ledger.pairs(State.SUBMITTED):
            self._try(pair)

    def tidy(self) -> None:
        """Remove films that a killed bridge left; before any arrives."""
        self.spool.keep_only(self.ledger.wanted())

    def _pair(self) -> None:
        settled = self.ledger.unpaired(self.settle_s)
        for study, films in settled.items():
            if (found := pair_of(films)) is not None:
                self._record(study, *found)
        for ap, lat in pairs_of_sessions(self.ledger.unpaired()):
            if ap.study in settled and lat.study in settled:
                self._record(ap.study, ap.sop, lat.sop)

    def _record(self, study: str, ap: str, lat: str) -> None:
        name = None if self.calibration is None else self.spool.keep_calibration(self.calibration.read_bytes())
        self.ledger.pair(Pair(key_of(ap, lat), study, ap, lat, name))

    def _try(self, pair: Pair) -> None:
        try:
            if pair.job is None:
                self._submit(pair)
            else:
                self._look(pair, pair.job)
        except RefusedError as error:
            if error.problem.code == GONE and not self.ledger.handled(pair):
                self.ledger.move(pair, State.PAIRED, reason="the service has no such job any more: it is sent again")
            elif codes.entry(error.problem.code).retry or error.problem.code in ACCESS:
                self._trouble(pair, str(error))
            else:
                self._end(pair, State.ENDED, pair.job, str(error))
        except (CliError, ClientError, OSError) as error:
            self._trouble(pair, str(error))

    def _submit(self, pair: Pair) -> None:
        images = (self.spool.film(pair.ap), self.spool.film(pair.lat))
        calibration = None if pair.calibration is None else self.spool.calibration(pair.calibration)
        options = ReconstructOptions(geometry="from_tags" if calibration is None else "calibration")
        job = self.client.submit(images, calibration, options, pair.key)
        self.ledger.move(pair, State.SUBMITTED, job.id)
        self.tell(f"job {job.id} submitted", event="submitted", job=job.id)

    def _look(self, pair: Pair, job: str) -> None:
        if job in self.ends.waiting or time.monotonic() < self._next_look_s.get(job, 0.0):
            return
        status = self.client.status(job)
        if status.state == JobState.SUCCEEDED:
            self._store_signed(pair, job, status)
        elif status.state.is_final:
            reason = f": {status.error.detail or status.error.title} ({status.error.code})" if status.error else ""
            self._end(pair, State.ENDED, job, f"{status.state.value}{reason}")
        else:
            self.ends.follow(job)

    def _store_signed(self, pair: Pair, job: str, status: JobStatus) -> None:
        """Store what is accepted, end what is rejected, and come back to what is a draft."""
        state = sign_off(status) if self.require_accepted else ACCEPTED
        if state == ACCEPTED:
            self._next_look_s.pop(job, None)
            self._store(pair, job)
        elif state == REJECTED:
            self._end(pair, State.ENDED, job, "whoever signed rejected the result")
        else:
            self._next_look_s[job] = time.monotonic() + SIGN_OFF_S
            self._trouble(pair, "waits until somebody accepts the result")

    def _store(self, pair: Pair, job: str) -> None:
        handled = self.ledger.handled(pair)
        with zipfile.ZipFile(BytesIO(self.client.dicom(job))) as archive:
            objects = [pydicom.dcmread(BytesIO(archive.read(name))) for name in archive.namelist()]
        if self.segmentation:
            objects.append(pydicom.dcmread(BytesIO(self.client.segmentation(job))))
        left = [each for each in objects if each.SOPInstanceUID not in handled]
        if left:
            self.sender.send(left, lambda sop, refusal: self.ledger.handle(pair, sop, refusal))
        refusals = sorted({why for why in self.ledger.handled(pair).values() if why})
        self._end(pair, State.STORED, job, "; ".join(refusals) or None)

    def _end(self, pair: Pair, state: State, job: str | None, reason: str | None) -> None:
        self.ledger.move(pair, state, job, reason)
        self._drop_films(pair)
        words = f"job {job or '(none)'} {state.value}{f': {reason}' if reason else ''}"
        self.tell(words, event=state.value, job=job, reason=reason)

    def _drop_films(self, pair: Pair) -> None:
        for sop in (pair.ap, pair.lat):
            self.spool.drop_film(sop)

    def _trouble(self, pair: Pair, reason: str) -> None:
        if reason != pair.reason:
            words = f"job {pair.job or '(not yet)'}: {reason}; tried again"
            self.tell(words, event="trouble", job=pair.job, reason=reason)
            self.ledger.note(pair, reason)


def sign_off(status: JobStatus) -> str:
    """Of a finished job: draft, accepted or rejected; accepted by a service that keeps no sign-offs."""
    return ACCEPTED if status.review is None else status.review.state
