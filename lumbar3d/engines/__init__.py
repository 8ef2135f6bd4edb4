"""Engines: ways from two views to a spine, behind one protocol; ``options.engine`` chooses."""
