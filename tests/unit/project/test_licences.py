"""Licences of what is shipped."""

from __future__ import annotations

from importlib.metadata import metadata
from pathlib import Path

CONSTRAINTS = (Path(__file__).resolve().parents[3] / "constraints.txt").read_text().lower()


def test_codecs_may_stand_beside_this_licence() -> None:
    described = metadata("imagecodecs")
    fields = {name: described[name] for name in described}
    assert "BSD-3-Clause" in (fields.get("License-Expression"), fields.get("License"))


def test_no_codec_under_the_gpl_is_installed_with_us() -> None:
    assert "imagecodecs==" in CONSTRAINTS
    assert "pylibjpeg-libjpeg" not in CONSTRAINTS
