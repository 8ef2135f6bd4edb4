"""One colour per level, told apart by the colour-blind (after Okabe and Ito), bright enough for a dark film."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "L1": (0x56, 0xB4, 0xE9),
    "L2": (0xE6, 0x9F, 0x00),
    "L3": (0x2C, 0xC2, 0x95),
    "L4": (0xF0, 0xE4, 0x42),
    "L5": (0xE5, 0x8F, 0xC0),
}
