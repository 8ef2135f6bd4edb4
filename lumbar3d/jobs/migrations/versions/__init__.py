"""Versions of the schema, a module each, in order of their numbers."""
