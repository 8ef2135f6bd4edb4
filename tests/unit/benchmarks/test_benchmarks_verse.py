"""People found in VerSe's folders, and why some cannot serve."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from benchmarks.verse import find_people


def mask(path: Path, labels: tuple[int, ...], cut: bool = False) -> None:
    volume = np.zeros((12, 12, 4 * len(labels) + 4), dtype=np.uint8)
    for row, label in enumerate(labels):
        volume[2:8, 2 : 12 if cut else 8, 2 + 4 * row : 5 + 4 * row] = label
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), path)


def test_both_layouts_and_every_fault(tmp_path: Path) -> None:
    five = (20, 21, 22, 23, 24)
    mask(tmp_path / "a/derivatives/sub-verse500/sub-verse500_dir-sag_seg-vert_msk.nii.gz", (19, *five))
    mask(tmp_path / "b/verse501_seg.nii.gz", five[:4])
    mask(tmp_path / "b/verse502_seg.nii.gz", (*five, 25))
    mask(tmp_path / "b/verse503_seg.nii.gz", five, cut=True)
    told = {found.person: found.fault for found in find_people(tmp_path)}
    assert told["verse500"] == ""
    assert told["verse501"] == "without L5"
    assert told["verse502"] == "with L6"
    assert told["verse503"] == "L1, L2, L3, L4, L5 cut by the field of view"


def test_a_second_scan_serves_where_the_first_is_cut(tmp_path: Path) -> None:
    mask(tmp_path / "sub-verse504_split-verse504_seg-vert_msk.nii.gz", (20, 21))
    mask(tmp_path / "sub-verse504_split-verse505_seg-vert_msk.nii.gz", (20, 21, 22, 23, 24))
    (found,) = find_people(tmp_path)
    assert (found.person, found.fault) == ("verse504", "")
    assert "split-verse505" in found.path.name
