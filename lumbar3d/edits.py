"""Edits of a reconstruction: what a reader may correct, as documents that cross process boundaries.

Pixels are those of the film as it was sent. An edit either moves what was found, so that only the levels that it
touches are fitted again, or places what no network looks for (the femoral heads), so that nothing is fitted again, or
changes what the networks are shown, so that everything runs again.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, model_validator

from lumbar3d.anatomy import LANDMARKS, LEVELS, Lumbar
from lumbar3d.contracts import ReviewState, ViewName

MOST_EDITS = 200
"""Of one revision: five vertebrae have 70 landmarks on two films."""

LandmarkChoice = Annotated[
    str, Field(json_schema_extra={"enum": list(LANDMARKS)}, pattern=f"^({'|'.join(LANDMARKS)})$")
]
Pixel = tuple[FiniteFloat, FiniteFloat]


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SetLandmark(_Edit):
    """A landmark is here: moved, or added where it was not seen."""

    type: Literal["set_landmark"]
    view: ViewName
    level: Lumbar
    landmark: LandmarkChoice
    position_px: Pixel


class RemoveLandmark(_Edit):
    """What was taken for this landmark is none."""

    type: Literal["remove_landmark"]
    view: ViewName
    level: Lumbar
    landmark: LandmarkChoice


class SetCentre(_Edit):
    """The middle of this vertebra's landmarks is here; all of them move with it."""

    type: Literal["set_centre"]
    view: ViewName
    level: Lumbar
    position_px: Pixel


class Rename(_Edit):
    """Vertebrae get the names of their neighbours; what leaves L1 to L5, or takes a kept name, is dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    type: Literal["rename"]
    start: Lumbar = Field(alias="from", default="L1", description="first vertebra that is renamed")
    direction: Literal["up", "down", "all"] = Field(
        default="all", description="whether those above, those below, or all are renamed with it"
    )
    shift: Literal[-2, -1, 1, 2] = Field(description="1: L3 becomes L4; -1: L3 becomes L2")


class KeepLevels(_Edit):
    """Only these vertebrae are reconstructed."""

    type: Literal["keep_levels"]
    levels: tuple[Lumbar, ...] = Field(min_length=1, max_length=len(LEVELS))


class ChangeFilms(_Edit):
    """The files were exchanged, mirrored or upside down."""

    type: Literal["films"]
    exchange: bool = Field(default=False, description="the file sent as ap is the lateral one; done first")
    mirror: tuple[ViewName, ...] = Field(default=(), max_length=2, description="left to right")
    turn: tuple[ViewName, ...] = Field(default=(), max_length=2, description="by 180 degrees")


class Prompt(_Edit):
    """A point on the body of this vertebra."""

    type: Literal["prompt"]
    view: ViewName
    level: Lumbar
    position_px: Pixel


class SetHips(_Edit):
    """Centres of the femoral heads are here: those of the circles that their outlines follow, on both films.

    Nothing finds them; they stand in the place of any that were set before.
    """

    type: Literal["set_hips"]
    ap_left_px: Pixel = Field(description="of the patient's left head, on the AP film")
    ap_right_px: Pixel
    lat_px: tuple[Pixel, ...] = Field(
        min_length=1,
        max_length=2,
        description="on the lateral film, in any order: which is whose follows from the rays; a single one where both "
        "heads are drawn as one",
    )


class RemoveHips(_Edit):
    """No femoral heads are known."""

    type: Literal["remove_hips"]


Edit = Annotated[
    SetLandmark | RemoveLandmark | SetCentre | Rename | KeepLevels | SetHips | RemoveHips | ChangeFilms | Prompt,
    Field(discriminator="type"),
]
Rerun = ChangeFilms | Prompt


StatedName = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ReviewRequest(BaseModel):
    """Body of ``PUT /jobs/{id}/review``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: ReviewState
    name: StatedName = Field(description="who signs; the authenticated client stands beside it")
    reason: str | None = Field(default=None, min_length=1, max_length=500, description="required on rejection")

    @model_validator(mode="after")
    def _rejected_with_a_reason(self) -> ReviewRequest:
        if self.state == "rejected" and not (self.reason or "").strip():
            raise ValueError("a rejection needs a reason")
        return self


class RevisionRequest(BaseModel):
    """Body of ``POST /jobs/{id}/revisions``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: StatedName = Field(description="who makes it")
    edits: tuple[Edit, ...] = Field(min_length=1, max_length=MOST_EDITS, description="applied in this order")

    @model_validator(mode="after")
    def _of_one_kind(self) -> RevisionRequest:
        reruns = [edit for edit in self.edits if isinstance(edit, Rerun)]
        if reruns and len(reruns) < len(self.edits):
            raise ValueError("films and prompt run everything again: send them without other edits")
        prompted = [edit.view for edit in reruns if isinstance(edit, Prompt)]
        if len(set(prompted)) < len(prompted) or sum(isinstance(edit, ChangeFilms) for edit in reruns) > 1:
            raise ValueError("at most one prompt a view, and films once")
        return self

    @property
    def runs_again(self) -> bool:
        """Whether the whole pipeline runs again."""
        return isinstance(self.edits[0], Rerun)


EDITS: TypeAdapter[tuple[Edit, ...]] = TypeAdapter(tuple[Edit, ...])
"""Of the stored document."""
