"""Contract of what was recognised in the films, answered or refused."""

from __future__ import annotations

from pydantic import Field, FiniteFloat

from lumbar3d.contracts.base import Contract, ViewName


class LumbarCountReport(Contract):
    """How many vertebrae are lumbar, from both images together."""

    count: int = Field(ge=4, le=6)
    confidence: float = Field(ge=0.0, le=1.0, description="against the other two counts; not calibrated")


class LevelNamesReport(Contract):
    """Which vertebra is which, from both images and several looks at each; not calibrated."""

    probability: float = Field(ge=0.0, le=1.0, description="that the levels have their right names")
    one_lower: float = Field(ge=0.0, le=1.0, description="that every vertebra is the one below its name: L1 is L2")
    one_higher: float = Field(ge=0.0, le=1.0, description="that every vertebra is the one above its name: L1 is T12")


class FilmReport(Contract):
    """What is known of one image as a whole."""

    view: ViewName
    novelty: float | None = Field(
        default=None,
        description="how unlike the films of training it is: Mahalanobis distance of its features over the distance "
        "that one in a hundred simulated validation films exceeds",
    )


class RecognisedPoint(Contract):
    """Middle of a vertebral body in one film."""

    centre_px: tuple[FiniteFloat, FiniteFloat] = Field(description="(u, v) in the image as it was sent")
    probability: float = Field(ge=0.0, le=1.0, description="that it is this level; not calibrated")


class RecognisedLevel(Contract):
    """One level in both films; null where it was not seen."""

    level: str
    ap: RecognisedPoint | None = None
    lat: RecognisedPoint | None = None


class Window(Contract):
    """Grey values of a film that are shown black and white at first."""

    low: float
    high: float


class RecognisedFilm(Contract):
    """One film as it is kept."""

    columns: int
    rows: int
    pixel_spacing_mm: tuple[FiniteFloat, FiniteFloat]
    window: Window
    notes: tuple[str, ...] = Field(default=(), description="on its file, as in the result")


class RecognisedFilms(Contract):
    """Both films."""

    ap: RecognisedFilm
    lat: RecognisedFilm


class Recognition(Contract):
    """What was recognised in two films, whether they were answered or refused."""

    films: RecognisedFilms
    lumbar_count: LumbarCountReport | None = None
    level_names: LevelNamesReport | None = None
    levels: tuple[RecognisedLevel, ...] = ()
