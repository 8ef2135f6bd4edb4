"""Validation against a person's own CT: surfaces, their registration to the films, and the field's metrics."""
