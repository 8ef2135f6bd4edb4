"""The artifact store of a deployment, chosen by the scheme of its URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from lumbar3d.jobs.bundles import BundleStore
from lumbar3d.jobs.local_store import LocalStore
from lumbar3d.jobs.settings import JobsSettings


def open_store(settings: JobsSettings) -> BundleStore:
    """Open it.

    Raises
    ------
    StoreUnavailableError
        An object store does not answer.
    ValueError
        The packages for an object store are not installed.
    """
    if settings.store_url is None:
        return LocalStore(settings.data_dir)
    url = urlsplit(settings.store_url)
    if url.scheme == "file":
        return LocalStore(Path(unquote(url.path)))
    try:
        from lumbar3d.jobs.object_store import ObjectStore
    except ModuleNotFoundError as error:
        raise ValueError(f"LUMBAR3D_STORE_URL=s3: needs pip install 'lumbar3d[s3]' ({error.name} is missing)") from None
    return ObjectStore(settings.store_url, settings.data_dir / "staging")
