"""Refusals: every reason not to answer, in the order in which they are asked.

``films`` (film faults, truncation, lumbar count, names of one film), ``contradiction``, ``names``,
``out_of_distribution`` before the second network runs, of films that somebody has pointed at ``prompts`` in place of
names; ``landmarks`` and ``laterality`` after triangulation; ``verdict`` after the fit.
"""
