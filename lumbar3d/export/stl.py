"""Binary STL that says its unit and frame, and the same surface in another frame."""

from __future__ import annotations

import numpy as np

from lumbar3d.contracts import FrameName
from lumbar3d.export.file_frames import MARKS, in_frame

_HEADER_BYTES = 80
_TRIANGLE = np.dtype([("vectors", "<f4", (4, 3)), ("attribute", "<u2")])
"""Normal and three corners."""


def stated(stl: bytes, frame: FrameName = "srs") -> bytes:
    """A binary STL in the world frame, turned into ``frame``, with unit and axes in its header.

    Parameters
    ----------
    stl : bytes
        World mm, whatever its header says.
    frame : {"srs", "lps"}
    """
    body = stl[_HEADER_BYTES:]
    if frame != "srs":
        triangles = np.frombuffer(body, _TRIANGLE, offset=4).copy()
        triangles["vectors"] = in_frame(triangles["vectors"], frame)
        body = body[:4] + triangles.tobytes()
    return MARKS[frame].encode().ljust(_HEADER_BYTES) + body
