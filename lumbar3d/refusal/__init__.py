"""Refusals: every reason not to answer, in the order in which they are asked.

``films`` (film faults, truncation, lumbar count, names of one film), ``contradiction``, ``names``,
``out_of_distribution`` before the second network runs; ``laterality`` after triangulation; ``verdict`` after the fit.
"""
