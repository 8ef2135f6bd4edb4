"""Intake, from a request body to a job row: gate, receive, check, store, record.

Acknowledged is only what is durable.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import shutil
import threading
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from lumbar3d.contracts import VIEWS, Calibration, Inputs, ReconstructOptions
from lumbar3d.documents import parse_calibration, parse_options, parse_reference
from lumbar3d.errors import OptionsError
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.blank import refuse_blank
from lumbar3d.imaging.consistency import check_pair
from lumbar3d.imaging.deidentify import deidentify
from lumbar3d.imaging.header import ImageHeader
from lumbar3d.imaging.inspect import inspect_image
from lumbar3d.imaging.tagged_room import calibration_from_tags
from lumbar3d.jobs import identity, jsonlog
from lumbar3d.jobs.bundles import full_disk_is_typed
from lumbar3d.jobs.errors import IdempotencyReuseError, QueueFullError, StorageFullError, TooManyJobsError
from lumbar3d.jobs.housekeeping import ORPHAN_S
from lumbar3d.jobs.records import Job
from lumbar3d.jobs.table import Submission
from lumbar3d.service.deps import Services
from lumbar3d.service.errors import (
    ClientGoneError,
    ContentEncodingError,
    IdempotencyKeyError,
    OverloadedError,
    PayloadTooLargeError,
    UploadTimeoutError,
)
from lumbar3d.service.uploads import FormReceiver

MEBIBYTE = 1 << 20
GRACE_S = 20.0
MIN_BYTES_PER_S = 64 * 1024
"""A body may be ``GRACE_S`` behind this rate: at it, 8 MB take the whole time that an upload has."""
CLEANING = threading.Semaphore(2)
"""So many pairs are separated from names at once: a compressed film is held in memory meanwhile."""
STUDY_CHARACTERS = 16
"""Of a study's hash: enough to tell studies apart."""
ENCODINGS = ("gzip", "x-gzip", "deflate", "br", "zstd", "compress")
"""Names that an answer may repeat."""
PRINTABLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")


async def accept(request: Request, services: Services, client: str, key: str | None) -> tuple[Job, bool]:
    """Take one submission in; returns the job and whether it is new.

    Raises
    ------
    Lumbar3dError
        Of the gate (429, 503, 507, 413), the body (408, 413, 415, 422), the images, or the idempotency key.
    """
    services.uploads.check(client)
    await services.turns.take(client, lambda: _gate(request, services, client, key))
    with services.uploads.hold(client), services.metrics.uploads.track_inprogress():
        folder = await run_in_threadpool(services.store.staging)
        try:
            form = await _receive(request, services, folder)
            request_id = request.state.request_id
            job, is_new = await run_in_threadpool(_record, services, form, folder, client, key, request_id)
        finally:
            await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
    jsonlog.add(job_id=job.id)
    if is_new:
        services.submitted.set()
    return job, is_new


def _gate(request: Request, services: Services, client: str, key: str | None) -> None:
    """Everything that can be refused before the first byte of the body is read."""
    if key is not None and PRINTABLE_ASCII.fullmatch(key) is None:
        raise IdempotencyKeyError("Idempotency-Key must be 1 to 255 printable ASCII characters without spaces")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > services.settings.max_upload_mb * MEBIBYTE:
        most_bytes = int(services.settings.max_upload_mb * MEBIBYTE)
        raise PayloadTooLargeError(f"the body has {length} bytes, at most {most_bytes} are accepted")
    encoding = request.headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding != "identity":
        named = encoding if encoding in ENCODINGS else "of another kind"
        raise ContentEncodingError(f"Content-Encoding {named} is not accepted: send the body as it is")
    if services.store.free_bytes() < services.settings.min_free_mb * MEBIBYTE:
        raise StorageFullError("no room left in the store")
    services.table.check_room(client, key)


async def _receive(request: Request, services: Services, folder: Path) -> FormReceiver:
    settings = services.settings
    form = FormReceiver(folder, request.headers.get("content-type", ""), int(settings.max_upload_mb * MEBIBYTE))
    try:
        async with asyncio.timeout(min(settings.upload_timeout_s, GRACE_S)) as limit:
            await form.receive(_hurried(request.stream(), limit, settings.upload_timeout_s))
    except TimeoutError:
        raise UploadTimeoutError("the body came too slowly") from None
    except ClientDisconnect:
        raise ClientGoneError("the client closed the connection") from None
    return form


async def _hurried(stream: AsyncIterator[bytes], limit: asyncio.Timeout, whole_s: float) -> AsyncIterator[bytes]:
    """The same stream; every byte buys time, so that a trickle does not hold a place for ``whole_s``."""
    started_s, received = asyncio.get_running_loop().time(), 0
    async for chunk in stream:
        received += len(chunk)
        limit.reschedule(started_s + min(whole_s, GRACE_S + received / MIN_BYTES_PER_S))
        yield chunk


def _record(
    services: Services, form: FormReceiver, folder: Path, client: str, key: str | None, request_id: str
) -> tuple[Job, bool]:
    """Check, store and record; the bundle is there before the row, so a row never points to nothing.

    Whatever the database does in between, images are removed only where the table has said that no job has them. What
    stays without a job goes with the orphans.
    """
    options = parse_options(bytes(form.documents.get("options", b"{}")))
    sent = form.documents.get("reference")
    reference = None if sent is None else parse_reference(bytes(sent))
    calibration = _checked_calibration(form, options, folder)
    inputs = _inputs(form, folder)
    salt = secrets.token_bytes(16)
    with CLEANING, full_disk_is_typed():
        identifiers: dict[str, dict[str, str]] = {view: deidentify(folder / view, salt) for view in VIEWS}
    for view in VIEWS:
        refuse_blank(view, folder / view)
    submission = Submission(
        job_id=str(uuid.uuid4()),
        owner=client,
        idempotency_key=key,
        payload_sha256=_payload_sha256(form, calibration, options, reference),
        calibration=calibration.model_dump_json(),
        options=options.model_dump_json(),
        request_id=request_id,
        identity=identity.seal(identifiers, services.settings.identity_key_text),
        reference=reference,
        inputs=inputs.model_dump_json(),
    )
    bundle = f"uploads/{submission.job_id}"
    started_s = time.monotonic()
    services.store.publish(bundle, folder)
    try:
        job, is_new = services.table.submit(submission)
    except (IdempotencyReuseError, TooManyJobsError, QueueFullError):
        services.store.remove(bundle)
        raise
    if time.monotonic() - started_s > ORPHAN_S / 2:
        raise OverloadedError("recording took so long that the images may be gone: send them again")
    if not is_new:
        if not job.is_final:
            services.store.restore(f"uploads/{job.id}", bundle)
        services.store.remove(bundle)
    return job, is_new


def _checked_calibration(form: FormReceiver, options: ReconstructOptions, folder: Path) -> Calibration:
    """The calibration that was sent, or that of the films' tags; both images have been compared with it."""
    if options.geometry == "from_tags":
        if "calibration" in form.documents:
            raise OptionsError("geometry is from_tags, and there is a calibration: send one of them")
        ap, lat = _headers(folder)
        calibration = calibration_from_tags(ap, lat)
    else:
        form.require("calibration")
        calibration = parse_calibration(bytes(form.documents["calibration"]))
    with np.errstate(all="ignore"):  # absurd numbers overflow on their way to a typed refusal
        geometry = build_geometry(calibration)
    check_pair(*_headers(folder), calibration, geometry)
    return calibration


def _headers(folder: Path) -> tuple[ImageHeader, ImageHeader]:
    return inspect_image("ap", folder / "ap"), inspect_image("lat", folder / "lat")


def _inputs(form: FormReceiver, folder: Path) -> Inputs:
    """What was sent, before it is separated from names."""
    ap, lat = (header.study_hash for header in _headers(folder))
    study = ap[:STUDY_CHARACTERS] if ap is not None and ap == lat else None
    return Inputs(ap_sha256=form.sha256["ap"], lat_sha256=form.sha256["lat"], study=study)


def _payload_sha256(
    form: FormReceiver, calibration: Calibration, options: ReconstructOptions, reference: str | None
) -> str:
    """Of the meaning: the images' bytes and the parsed documents, so white space in JSON does not matter."""
    parts = [form.sha256["ap"], form.sha256["lat"], calibration.model_dump_json(), options.model_dump_json()]
    return hashlib.sha256("\n".join([*parts, *([reference] if reference else [])]).encode()).hexdigest()
