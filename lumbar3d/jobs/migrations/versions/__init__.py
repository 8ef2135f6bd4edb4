"""One module a version of the schema, in order of their numbers."""
