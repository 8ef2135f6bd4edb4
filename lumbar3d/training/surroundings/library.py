"""Library of real bodies behind the training films: which may be learned from, which are kept out, whose they are.

The folder (``lumbar3d train --surroundings DIR``) is no part of the project; films and weights made from it are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lumbar3d.training.surroundings.pelves import Pelvis, RealRibs, read_pelves, read_ribs
from lumbar3d.training.surroundings.trunks import CtTrunk, read_trunk

TRAINING_TRUNKS = ("c0243", "c0646", "c0694", "o2043", "s0561")
TRUNK_WEIGHTS = {"o2043": 0.4}
"""376 mm of water from front to back: a very large tumour."""
TRAINING_PELVES = ("vhf-corr", "ts-s0561", "ctc-0243", "ctc-0646")
"""With the same vertices, so that they can be mixed."""
TRAINING_RIBS = "ts-s0561"
HELD_OUT_TRUNK, HELD_OUT_PELVIS = "c0532", "ctc-0532"
"""One person: the validation. ``vhm`` is kept out as well because he is a test person of the benchmarks."""

ATTRIBUTION = (
    "CT COLONOGRAPHY (ACRIN 6664), The Cancer Imaging Archive, doi:10.7937/K9/TCIA.2015.NWTESAY1, CC BY 3.0 as stated "
    "by public sources that cite it, not read at the archive (c0243, c0646, c0694)",
    "TCGA-OV, The Cancer Imaging Archive, doi:10.7937/K9/TCIA.2016.NDO1MDFQ, CC BY 3.0 (o2043)",
    "TotalSegmentator dataset v2, doi:10.5281/zenodo.6802613, CC BY 4.0 as stated by public sources, not read at the "
    "archive (s0561)",
    "HuBMAP CCF 3D reference organs, pelvis of the Visible Human Female and Male, doi:10.48539/HBM893.QGJK.978, "
    "CC BY 4.0 (all pelves are warped copies of the latter's mesh)",
    "RemusR9/artisynth_lumbosacralSpineModel, BSD-3-Clause, (c) 2021 Robin Remus (meshes behind the warped pelves)",
    "manishsreenivasa/BMFToolkit, zlib, (c) 2017 M. Sreenivasa, D. Gonzalez Alvarado (femora, altered)",
)


@dataclass(frozen=True, eq=False)
class Library:
    """Real surroundings to draw from; empty without a folder, then only invented ones are drawn."""

    trunks: tuple[CtTrunk, ...] = ()
    pelves: tuple[Pelvis, ...] = ()
    ribs: RealRibs | None = None

    def any_trunk(self, rng: np.random.Generator) -> CtTrunk:
        """One of them, those far from usual more rarely."""
        weights = np.array([TRUNK_WEIGHTS.get(trunk.name, 1.0) for trunk in self.trunks])
        return self.trunks[int(rng.choice(len(weights), p=weights / weights.sum()))]

    @classmethod
    def read(cls, folder: Path | None) -> Library:
        """Everything that training may see of ``folder`` (with ``trunks`` and ``surroundings`` in it).

        Raises
        ------
        FileNotFoundError
            A person is missing.
        """
        if folder is None:
            return cls()
        return cls(
            tuple(read_trunk(folder / "trunks", name) for name in TRAINING_TRUNKS),
            read_pelves(folder / "surroundings", TRAINING_PELVES),
            read_ribs(folder / "surroundings", TRAINING_RIBS),
        )
