"""Bundles in an S3 bucket: staged on this machine, uploaded file by file, the manifest last.

A bundle is there when its manifest is. Names of bundles are never used twice, so nothing is overwritten. Credentials,
region and endpoint are botocore's own settings (``AWS_*``, instance roles).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from fsspec.core import url_to_fs

from lumbar3d.jobs.bundles import (
    DEPTH,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    Manifest,
    OpenFile,
    checked,
    full_disk_is_typed,
    write_manifest,
)
from lumbar3d.jobs.errors import BundleLostError, StorageFullError, StoreUnavailableError
from lumbar3d.jobs.faults import PAUSE_S, SLOW_S, Breaker
from lumbar3d.jobs.staging import Staging

SILENT = "the artifact store does not answer at this moment"
QUICK_S = 2.0
"""For a question, of which a request asks one before it gives up: it is answered within three seconds."""
TRANSFER_S = 120.0
"""For all files of a bundle together; well below the age at which a bundle without a row is removed."""
START_S = 20.0
"""How long a process that starts waits for the store."""
REMOVE_S = 10.0
LIST_S = 60.0
"""For all objects of a tree, a thousand an answer."""
PART_BYTES = 8 << 20
"""Of a large file, held in memory at once."""
CLIENT = {"connect_timeout": QUICK_S, "read_timeout": 10.0, "retries": {"max_attempts": 1}}
RETRIES = 2
"""A connection that the server closed while it was idle is worth a second try; more is the caller's patience."""


class ObjectStore:
    """Bundles under a prefix of a bucket; several machines may use it at once.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``.
    staging : Path
        Folder of this machine for what comes and goes.

    Raises
    ------
    StoreUnavailableError
        It did not answer for ``START_S``, has no such bucket, or does not let us in.
    """

    def __init__(self, url: str, staging: Path) -> None:
        self._staging = Staging(staging)
        self._files, self._root = url_to_fs(
            url, use_listings_cache=False, skip_instance_cache=True, config_kwargs=CLIENT
        )
        self._files.retries = RETRIES
        self._breaker = Breaker(StoreUnavailableError, SILENT)
        self._wait_for_it()

    def _wait_for_it(self) -> None:
        deadline_s = time.monotonic() + START_S
        while True:
            try:
                with self._reached():
                    self._ask_bucket(START_S)
                return
            except StoreUnavailableError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(PAUSE_S)

    def staging(self) -> Path:
        """A new empty directory of this machine to write a bundle in."""
        return self._staging.new()

    def remove_old_staging(self, older_than_s: float) -> int:
        """Remove what was staged on this machine by a process that died; returns how many."""
        return self._staging.remove_old(older_than_s)

    def publish(self, bundle: str, staged: Path) -> None:
        """Upload every file and then the manifest.

        Raises
        ------
        FileExistsError
            Another bundle has the name.
        StoreUnavailableError
            The bundle is there or not; the same may be published again.
        """
        with full_disk_is_typed():
            manifest = write_manifest(staged)
        deadline_s = time.monotonic() + TRANSFER_S
        with self._reached():
            published = self._manifest_bytes(bundle)
            if published == manifest:
                return  # by a first try whose answer was lost
            if published is not None:
                raise FileExistsError(errno.EEXIST, "a bundle is never overwritten")
            paths = [*(path for path in sorted(staged.iterdir()) if path.name != MANIFEST), staged / MANIFEST]
            for path in paths:
                left_s = max(deadline_s - time.monotonic(), 0.1)
                self._files.put_file(str(path), self._path(bundle, path.name), chunksize=PART_BYTES, timeout=left_s)

    def restore(self, bundle: str, copy: str) -> None:
        """Give a bundle that was lost the files of another with the same content; no change where it is there."""
        with self._reached():
            if self._manifest_bytes(bundle) is not None:
                return
            names = [*self._read_manifest(copy), MANIFEST]
            for name in names:
                self._files.cp_file(self._path(copy, name), self._path(bundle, name), timeout=TRANSFER_S / len(names))

    def fetch(self, bundle: str, name: str, folder: Path) -> Path:
        """Copy one file of a bundle into ``folder``, checked against its hash."""
        sha256 = self._sha256(bundle, name)
        if sha256 is None:
            raise BundleLostError("the bundle has no such file")
        os.close(self._download(bundle, name, sha256, folder / name).descriptor)
        return folder / name

    def open(self, bundle: str, name: str) -> OpenFile | None:
        """One file of a bundle, copied here and checked against its hash; the copy has no name.

        Raises
        ------
        BundleLostError
            The bundle or the file is missing, or is not what was published.
        """
        sha256 = self._sha256(bundle, name)
        if sha256 is None:
            return None
        folder = self._staging.new()
        try:
            return self._download(bundle, name, sha256, folder / "copy")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self, bundle: str) -> bool:
        """Remove every object under a name; False where the store did not say that it did."""
        try:
            with self._reached():
                if paths := self._objects(bundle, QUICK_S):
                    self._files.rm([*paths], timeout=REMOVE_S)
                return not self._objects(bundle, QUICK_S)
        except StoreUnavailableError:
            return False

    def ages(self, tree: str) -> dict[str, float]:
        """Names under a tree, with their age: the newest object counts, by the store's clock."""
        with self._reached():
            now_s = self._ask_bucket(QUICK_S)
            newest_s: dict[str, float] = {}
            for path, entry in self._objects(tree, LIST_S).items():
                parts = path.removeprefix(self._path(tree) + "/").split("/")
                name = "/".join(parts[: DEPTH[tree]])
                newest_s[name] = max(entry["LastModified"].timestamp(), newest_s.get(name, 0.0))
            return {name: now_s - changed_s for name, changed_s in newest_s.items()}

    def check(self) -> None:
        """Whether the bucket answers us and the folder for staging can be written."""
        if not self._staging.is_writable():
            raise StoreUnavailableError("the folder for staging cannot be written")
        with self._reached():
            self._ask_bucket(QUICK_S)

    def free_bytes(self) -> int:
        """Room left on this machine, where every bundle is staged."""
        return self._staging.free_bytes()

    def _path(self, *names: str) -> str:
        return "/".join((self._root.rstrip("/"), *names))

    def _objects(self, bundle: str, timeout_s: float) -> dict[str, Any]:
        found: dict[str, Any] = self._files.find(self._path(bundle), detail=True, timeout=timeout_s)
        return found

    def _ask_bucket(self, timeout_s: float) -> float:
        """Time of the store's clock, from the header of an answer."""
        bucket, _, _ = self._files.split_path(self._root)
        answer = self._files.call_s3("head_bucket", Bucket=bucket, timeout=timeout_s)
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()

    def _manifest_bytes(self, bundle: str) -> bytes | None:
        """The manifest; None where a bucket that is there has none."""
        path = self._path(bundle, MANIFEST)
        try:
            content: bytes = self._files.cat_file(path, start=0, end=MAX_MANIFEST_BYTES, timeout=QUICK_S)
        except FileNotFoundError:
            self._ask_bucket(QUICK_S)
            return None
        return content

    def _read_manifest(self, bundle: str) -> Manifest:
        content = self._manifest_bytes(bundle)
        if content is None:
            raise BundleLostError("the bundle is missing in the store")
        try:
            manifest: Manifest = json.loads(content)
            return {name: {"sha256": str(entry["sha256"])} for name, entry in manifest.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BundleLostError("the manifest was changed in the store") from None

    def _sha256(self, bundle: str, name: str) -> str | None:
        with self._reached():
            entry = self._read_manifest(bundle).get(name)
        return None if entry is None else entry["sha256"]

    def _download(self, bundle: str, name: str, sha256: str, target: Path) -> OpenFile:
        with self._reached():
            try:
                self._files.get_file(self._path(bundle, name), str(target), timeout=TRANSFER_S)
            except FileNotFoundError:
                self._ask_bucket(QUICK_S)
                raise BundleLostError("the file is missing in the store") from None
        try:
            return checked(os.open(target, os.O_RDONLY), sha256)
        except ValueError:
            raise BundleLostError("the file was changed in the store") from None

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Turn every way in which the store does not answer into one error, told at once while that lasts."""
        self._breaker.enter()
        started_s = time.monotonic()
        try:
            with full_disk_is_typed():
                yield
        except (BundleLostError, StorageFullError, FileExistsError):
            self._breaker.tell(is_working=True)
            raise
        except (OSError, BotoCoreError) as error:
            self._breaker.tell(is_working=time.monotonic() - started_s < SLOW_S)
            raise StoreUnavailableError(SILENT) from error
        self._breaker.tell(is_working=True)
