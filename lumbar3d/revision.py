"""Revision: edits of a kept fit, the levels that they touch, and the detection that they leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lumbar3d.anatomy import LANDMARKS, LEVELS, SPINE, Level
from lumbar3d.arrays import Array, Mask
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.naming import Naming
from lumbar3d.detection.recognised import centres_px, on_grid_px
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.edits import Edit, KeepLevels, RemoveHips, RemoveLandmark, Rename, SetCentre, SetHips, SetLandmark
from lumbar3d.errors import RevisionError
from lumbar3d.geometry.calibration import BiplanarGeometry
from lumbar3d.kept_fit import KeptFit
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.refit import HAND_SIGMA_MM
from lumbar3d.shape.model import ShapeModel, models_of


@dataclass(eq=False)
class Draft:
    """A kept fit while it is edited, a row a level.

    Attributes
    ----------
    room : BiplanarGeometry
        On the pixels of the films, as it was told.
    names : list of str
    rows : list of int
        Which row of the kept fit each is.
    views : (ViewDetection, ViewDetection)
        With all rows of the kept fit.
    edited : (2, all rows, 7) bool
    touched, renamed : set of int
        Rows of the kept fit that have to be fitted again, and those of another name.
    naming : Naming or None
    hips : SetHips or None
    """

    room: BiplanarGeometry
    kept: KeptFit
    names: list[Level]
    rows: list[int]
    views: tuple[ViewDetection, ViewDetection]
    edited: Mask
    naming: Naming | None
    hips: SetHips | None = None
    touched: set[int] = field(default_factory=set)
    renamed: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, kept: KeptFit, room: BiplanarGeometry) -> Draft:
        """Nothing edited yet."""
        ap, lat = (
            replace(
                view,
                landmarks_px=view.landmarks_px.copy(),
                landmark_sigma_px=view.landmark_sigma_px.copy(),
                landmark_covariance_px2=_covariance(view),
            )
            for view in kept.detection.views
        )
        names = list(kept.detection.levels)
        rows, naming = list(range(len(names))), kept.detection.naming
        return cls(room, kept, names, rows, (ap, lat), kept.edited.copy(), naming, kept.hips)

    def row(self, level: Level) -> int:
        """Row of the kept fit.

        Raises
        ------
        RevisionError
            The level is not there.
        """
        if level not in self.names:
            raise RevisionError(f"there is no {level} to edit")
        return self.rows[self.names.index(level)]

    def detection(self) -> Detection:
        """What is left."""
        ap, lat = (view.of_rows(self.rows) for view in self.views)
        return Detection(ap=ap, lat=lat, naming=self.naming, levels=tuple(self.names))

    def unmoved(self) -> frozenset[Level]:
        """Levels that stay as they were."""
        fitted = self.touched | self.renamed
        return frozenset(name for name, row in zip(self.names, self.rows, strict=True) if row not in fitted)

    def before(self, models: Sequence[ShapeModel]) -> list[LevelAtEnd | Parameters]:
        """Levels that stay, and where those were that are fitted again; another name is another shape."""
        found: list[LevelAtEnd | Parameters] = []
        for row, model in zip(self.rows, models_of(models, self.names), strict=True):
            level = self.kept.ends[row]
            if row in self.renamed:
                found.append(Parameters(level.end.world_from_model, np.zeros(model.rank)))
            else:
                found.append(level.end if row in self.touched else level)
        return found

    def on_film(self, view: int, position_px: Sequence[float]) -> Array:
        """A pixel of a file, which lies on it.

        Raises
        ------
        RevisionError
            It does not.
        """
        film = (self.room.ap, self.room.lat)[view]
        place = np.asarray(position_px, dtype=float)
        if not ((place >= -0.5) & (place <= [film.columns - 0.5, film.rows - 0.5])).all():
            raise RevisionError(f"position_px is not on the {VIEWS[view]} film")
        return place

    def grid_px(self, view: int, position_px: Sequence[float]) -> Array:
        """A pixel of a file on the detection's grid.

        Raises
        ------
        RevisionError
            It is not on the film.
        """
        film, place = (self.room.ap, self.room.lat)[view], self.on_film(view, position_px)
        return on_grid_px(place, film, self.views[view].projection, self.room.seen_from_behind[view])

    def hand_sigma_px(self, view: int, row: int) -> float:
        """``HAND_SIGMA_MM`` at the depth of a level."""
        projection = self.views[view].projection
        depth = projection.project(self.kept.ends[row].end.world_from_model[None, :3, 3])[1]
        return float(HAND_SIGMA_MM / projection.mm_per_px(depth).mean())


def edited(kept: KeptFit, edits: Sequence[Edit], room: BiplanarGeometry) -> Draft:
    """Apply edits in their order.

    Raises
    ------
    RevisionError
        An edit is about a level that is not there, a place off the film, or leaves nothing.
    """
    draft = Draft.of(kept, room)
    for edit in edits:
        _APPLY[type(edit)](draft, edit)
    if not draft.names:
        raise RevisionError("these edits leave no vertebra")
    return draft


def _set_landmark(draft: Draft, edit: SetLandmark) -> None:
    view, row, k = VIEWS.index(edit.view), draft.row(edit.level), LANDMARKS.index(edit.landmark)
    found, sigma = draft.views[view], draft.hand_sigma_px(view, row)
    found.landmarks_px[row, k] = draft.grid_px(view, edit.position_px)
    _be_sure(found, row, k, sigma)
    draft.edited[view, row, k] = True
    draft.touched.add(row)


def _remove_landmark(draft: Draft, edit: RemoveLandmark) -> None:
    view, row, k = VIEWS.index(edit.view), draft.row(edit.level), LANDMARKS.index(edit.landmark)
    draft.views[view].landmarks_px[row, k] = np.nan
    draft.edited[view, row, k] = True
    draft.touched.add(row)


def _set_centre(draft: Draft, edit: SetCentre) -> None:
    view, row = VIEWS.index(edit.view), draft.row(edit.level)
    found = draft.views[view]
    way = draft.grid_px(view, edit.position_px) - centres_px(found)[row]
    if not np.isfinite(way).all():
        raise RevisionError(f"{edit.level} has no landmarks in the {edit.view} film that could move: set them")
    found.landmarks_px[row] += way
    draft.edited[view, row] = np.isfinite(found.landmarks_px[row]).all(-1)
    draft.touched.add(row)


def _rename(draft: Draft, edit: Rename) -> None:
    start = LEVELS.index(edit.start)
    if edit.direction == "all":
        chosen = set(draft.names)
    else:
        sign = 1 if edit.direction == "down" else -1
        chosen = {name for name in draft.names if sign * (LEVELS.index(name) - start) >= 0}
    shift_names(draft, chosen, edit.shift)


def shift_names(draft: Draft, chosen: set[Level], shift: int) -> None:
    """Give vertebrae the names of those ``shift`` places lower; what has no model under its new name is dropped.

    Raises
    ------
    RevisionError
        Two would have one name.
    """
    names = [_lower(name, shift) if name in chosen else name for name in draft.names]
    held = [k for k, name in enumerate(names) if name in LEVELS]
    draft.renamed |= {draft.rows[k] for k in held if names[k] != draft.names[k]}
    draft.rows, draft.names = [draft.rows[k] for k in held], [names[k] for k in held]
    if len(set(draft.names)) < len(draft.names):
        raise RevisionError("two vertebrae would have the same name")
    draft.naming = None  # whatever the films say, somebody has said otherwise


def _lower(name: Level, shift: int) -> Level:
    """Name of the vertebra so many places below; the last one's for what is below it."""
    return SPINE[min(max(SPINE.index(name) + shift, 0), len(SPINE) - 1)]


def _keep_levels(draft: Draft, edit: KeepLevels) -> None:
    for level in edit.levels:
        draft.row(level)
    held = [k for k, name in enumerate(draft.names) if name in edit.levels]
    draft.rows, draft.names = [draft.rows[k] for k in held], [draft.names[k] for k in held]


def _set_hips(draft: Draft, edit: SetHips) -> None:
    for view, places in enumerate(((edit.ap_left_px, edit.ap_right_px), edit.lat_px)):
        for place in places:
            draft.on_film(view, place)
    draft.hips = edit


def _remove_hips(draft: Draft, _edit: RemoveHips) -> None:
    if draft.hips is None:
        raise RevisionError("there are no hips to remove")
    draft.hips = None


_APPLY: dict[type[Any], Callable[[Draft, Any], None]] = {
    SetLandmark: _set_landmark,
    RemoveLandmark: _remove_landmark,
    SetCentre: _set_centre,
    Rename: _rename,
    KeepLevels: _keep_levels,
    SetHips: _set_hips,
    RemoveHips: _remove_hips,
}


def _covariance(view: ViewDetection) -> Array | None:
    return None if view.landmark_covariance_px2 is None else view.landmark_covariance_px2.copy()


def _be_sure(view: ViewDetection, row: int, k: int, sigma_px: float) -> None:
    view.landmark_sigma_px[row, k] = sigma_px
    if view.landmark_covariance_px2 is not None:
        view.landmark_covariance_px2[row, k] = sigma_px**2 * np.eye(2)
