"""Films out of the distribution that the networks have learned."""

from __future__ import annotations

from lumbar3d.contracts import VIEW_TITLE, ViewName
from lumbar3d.errors import UnlikeTrainingFilmsError
from lumbar3d.refusal.constants import CONSTANTS


def refuse_strange(view: ViewName, novelty: float) -> None:
    """Stop where a film is far from everything that the network has learned.

    Raises
    ------
    UnlikeTrainingFilmsError
        Its novelty is too large.
    """
    if novelty > CONSTANTS.largest_novelty:
        raise UnlikeTrainingFilmsError(f"the {VIEW_TITLE[view]} image is unlike the films the network has learned on")
