"""Film faults: the change of a film (turned, mirrored, inverted) that would let its levels be found.

Asked where the levels were not found, or not clearly; it costs a run of the first network on some twenty films.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from lumbar3d.arrays import Image
from lumbar3d.contracts import ViewName
from lumbar3d.detection.decode import LevelReading
from lumbar3d.detection.first_pass import PreparedView

FirstNetwork = Callable[[Image, Image], Sequence[LevelReading]]
"""The first network: films (n, 256, 256) and view codes (n, 2) to one reading each."""

MOST_CHANGES = 2
"""Faults of one film that are looked for together. Each more multiplies the films that the network is asked about."""
_TURNED = {1: "turned by a quarter", 2: "upside down", 3: "turned by a quarter"}


@dataclass(frozen=True)
class Change:
    """Change that would put a film right.

    Attributes
    ----------
    quarter_turns : int
        Anticlockwise, 0-3.
    mirrored, inverted : bool
    other_view : bool
        Read as the other of the two views.
    """

    quarter_turns: int = 0
    mirrored: bool = False
    inverted: bool = False
    other_view: bool = False

    @property
    def steps(self) -> int:
        """Number of things that are changed."""
        return sum(map(bool, (self.quarter_turns, self.mirrored, self.inverted, self.other_view)))

    def film(self, film: Image) -> Image:
        """The film put right, (rows, columns)."""
        turned = np.rot90(film, self.quarter_turns)
        turned = turned[:, ::-1] if self.mirrored else turned
        return np.asarray(1.0 - turned if self.inverted else turned, dtype=np.float32)

    def code(self, code: Image) -> Image:
        """The view code put right, (2,)."""
        return np.array([1.0 - code[0] if self.other_view else code[0], code[1]], dtype=np.float32)

    def words(self, view: ViewName) -> str:
        """Words for the fault, as in "the film seems to be ..."."""
        parts = []
        if self.other_view:
            parts.append("an AP image" if view == "lat" else "a lateral image")
        if self.quarter_turns:
            parts.append(_TURNED[self.quarter_turns])
        if self.mirrored:
            parts.append("mirrored")
        if self.inverted:
            parts.append("inverted (bone dark)")
        return " and ".join(parts)


def changes(view: ViewName) -> tuple[Change, ...]:
    """Everything that is tried on a film; a mirrored AP film still looks like one, so mirroring is for laterals."""
    every = (Change(turns, *flags) for turns, flags in product(range(4), product((False, True), repeat=3)))
    return tuple(
        change
        for change in every
        if 0 < change.steps <= MOST_CHANGES and not (change.mirrored and (view == "ap") != change.other_view)
    )


def diagnose(view: PreparedView, look: FirstNetwork, is_clear: Callable[[LevelReading], bool]) -> Change | None:
    """The smallest change after which the five levels are found clearly; the clearest where several are as small."""
    tried = changes(view.source.view)
    films = np.stack([change.film(view.film) for change in tried])
    readings = look(films, np.stack([change.code(view.code) for change in tried]))
    clear = [(change, reading) for change, reading in zip(tried, readings, strict=True) if is_clear(reading)]
    if not clear:
        return None
    return min(clear, key=lambda found: (found[0].steps, -float(found[1].confidence.mean())))[0]
