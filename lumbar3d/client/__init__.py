"""The REST interface from the client's side: submit, follow, fetch, erase; blocking, or for ``asyncio``.

::

    with JobsClient("https://spine.example.org", api_key) as client:
        job = client.submit(("ap.dcm", "lat.dcm"), "calibration.json")
        client.wait(job.id)
        measurements = client.result(job.id).measurements
        client.download(job.id, "spine", formats=["stl", "nifti"], frame="lps")

    async with AsyncJobsClient("https://spine.example.org", api_key) as client:
        job = await client.submit(("ap.dcm", "lat.dcm"), "calibration.json")

``verify_webhook`` is for whoever the service calls.
"""

from lumbar3d.client.blocking import JobsClient
from lumbar3d.client.errors import AddressError, ClientError, NoAnswerError, RefusedError
from lumbar3d.client.nonblocking import AsyncJobsClient
from lumbar3d.client.protocol import SAVED
from lumbar3d.signature import verify as verify_webhook

__all__ = [
    "SAVED",
    "AddressError",
    "AsyncJobsClient",
    "ClientError",
    "JobsClient",
    "NoAnswerError",
    "RefusedError",
    "verify_webhook",
]
