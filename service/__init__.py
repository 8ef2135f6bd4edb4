"""REST front end: it accepts, stores and answers; it never reconstructs."""
