"""Published means and standard deviations of vertebral dimensions, per level and sex.

``literature.csv`` holds one row per parameter and level: mean of men, mean of women, standard deviation within one sex
and where the figure comes from. ``E`` is harmonised between sources or estimated, ``C`` computed from the public mean
of 87 patients (Clouthier et al. 2023), ``M`` remembered from the classic tables (Panjabi 1992, Zindrick 1987, Xu 1999);
the others are V2 Cook and Baker 2021, V3 Masharawi 2010, V4 Sun (endplates L3-S1), V5 Wang 2012, V11 Chinese CT 1994,
V14 Li 2003, V18 and V19 spinous processes on CT, V21 Abbas 2020, V22 Masharawi 2004, V23 Mohanty 2018, V24 KJPA 1996.
The roll of the pedicles is the lean of their
height, measured on that public mean: it is less than the direction of the section's long axis (10, 30, 55 degrees).
Where a source gives one figure for both sexes and the sexes are known to differ, the two means lie around it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Sex = Literal["female", "male"]

TABLE = Path(__file__).with_name("literature.csv")


@dataclass(frozen=True)
class LiteratureNorm:
    """One parameter at one level; mm or degrees as the parameter's name says.

    Attributes
    ----------
    male, female : float
        Means.
    sd : float
        Standard deviation within one sex.
    source : str
        Tag as explained above.
    """

    male: float
    female: float
    sd: float
    source: str

    def mean(self, sex: Sex) -> float:
        """Mean of one sex."""
        return self.male if sex == "male" else self.female

    @property
    def mean_of_both(self) -> float:
        """Mean of a population with as many women as men."""
        return (self.male + self.female) / 2.0


@cache
def norms() -> Mapping[str, Mapping[str, LiteratureNorm]]:
    """Every norm by parameter, then by level ("L1" .. "L5")."""
    table: dict[str, dict[str, LiteratureNorm]] = {}
    with TABLE.open(newline="") as rows:
        for row in csv.DictReader(rows):
            norm = LiteratureNorm(float(row["male"]), float(row["female"]), float(row["sd"]), row["source"])
            table.setdefault(row["parameter"], {})[row["level"]] = norm
    return table
