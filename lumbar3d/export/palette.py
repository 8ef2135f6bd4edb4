"""Colours of the levels, told apart by the colour-blind (after Okabe and Ito), bright enough for a dark film."""

from __future__ import annotations

from lumbar3d.anatomy import LEVELS, SPINE

_CYCLE = ((0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0x00), (0x2C, 0xC2, 0x95), (0xF0, 0xE4, 0x42), (0xE5, 0x8F, 0xC0))
"""From L1 downwards, and again from the start above and below."""

COLOURS: dict[str, tuple[int, int, int]] = {
    level: _CYCLE[(row - SPINE.index(LEVELS[0])) % len(_CYCLE)] for row, level in enumerate(SPINE)
}
