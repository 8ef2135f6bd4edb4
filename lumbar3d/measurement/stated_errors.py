"""Stated errors: factors between the posterior's standard errors and those of numbers from films.

The posterior takes the decomposition for an image with noise. What the networks get wrong in the same way over a whole
vertebra is not noise, and widens some measurements more than others. The factors are what pairs of simulated people
with known truth showed (``lumbar3d.training.stated_errors``): with them the truth lies within one and two stated
standard errors as often as for a Gaussian.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from lumbar3d.errors import AssetError
from lumbar3d.shape.assets import AssetStore

STATED_ERRORS = "stated_errors"
"""Name of the asset."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StatedErrors:
    """Factors by measurement code; 1 where there is none."""

    factors: Mapping[str, float] = field(default_factory=dict)

    def sigma(self, code: str, posterior_sigma: float) -> float:
        """Standard error to be stated, in the unit of the posterior's."""
        return self.factors.get(code, 1.0) * posterior_sigma

    @classmethod
    def load(cls, store: AssetStore) -> StatedErrors:
        """The factors of an asset directory; none where they were not measured with its networks and models.

        Raises
        ------
        AssetError
            The file is missing, changed or unreadable.
        """
        if STATED_ERRORS not in store.records:
            return cls()
        try:
            document = json.loads(store.path(STATED_ERRORS).read_text())
            made_with, factors = document["made_with"], {k: float(v) for k, v in document["factors"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AssetError("the factors of the stated errors are unreadable") from error
        if made_with != checksums(store, made_with):
            _log.warning("stated errors were measured with other networks or shape models: the posterior's are given")
            return cls()
        return cls(factors)


def checksums(store: AssetStore, names: Mapping[str, str] | tuple[str, ...]) -> dict[str, str | None]:
    """SHA-256 of assets by name, None where there is none."""
    return {name: store.records.get(name, {}).get("sha256") for name in names}
