"""The REST front end. It accepts, stores and answers; it never reconstructs."""
