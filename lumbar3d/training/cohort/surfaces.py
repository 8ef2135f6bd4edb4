"""Surfaces of a cohort's files (``lumbar3d.validation.surface_files``); what cannot be used is told as the cohort's."""

from __future__ import annotations

from lumbar3d.training.cohort.errors import told_of_cohort
from lumbar3d.validation import surface_files
from lumbar3d.validation.surface_files import SRS_FROM_RAS, is_mask

__all__ = ["SRS_FROM_RAS", "find_files", "is_mask", "read_surface"]

find_files = told_of_cohort()(surface_files.find_files)
read_surface = told_of_cohort()(surface_files.read_surface)
