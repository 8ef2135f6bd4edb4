"""Codecs in other hands: the real codec server with a PNG codec that does what a test says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lumbar3d.imaging import decoder, sandbox
from lumbar3d.imaging.codec_server import CodecServers

_PROGRAM = """
import os, runpy, sys, types
import numpy as np

seen = []

def png_decode(stream):
    seen.append(stream)
    {body}

sys.modules["imagecodecs"] = types.ModuleType("imagecodecs")
for name in ("png_decode", "jpegls_decode"):
    setattr(sys.modules["imagecodecs"], name, png_decode)
runpy.run_path({server!r}, run_name="__main__")
"""


@contextmanager
def own_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[CodecServers]:
    """Servers of this test alone."""
    servers = CodecServers()
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "SERVERS", servers)
        try:
            yield servers
        finally:
            servers.close()


@contextmanager
def other_codec(body: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CodecServers]:
    """Codec of PNG and JPEG-LS with this body: ``stream`` is what it is given, ``seen`` all that its process saw."""
    program = folder / "decoder.py"
    program.write_text(_PROGRAM.format(body=body.replace("\n", "\n    "), server=decoder.__file__))
    with monkeypatch.context() as patch:
        patch.setattr(decoder, "__file__", str(program))
        with own_servers(monkeypatch) as servers:
            yield servers
