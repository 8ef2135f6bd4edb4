"""Resident fit: all levels and both views in lockstep on one device, from the first stage to the posterior.

The cost, its linearisation and the optimiser are those of ``objective``, ``image_term`` and ``optimise``, written for
arrays of any namespace that follows NumPy's, with a leading axis of levels and one of views. Models and images are
uploaded once; of an iteration the host reads one flag.
"""
