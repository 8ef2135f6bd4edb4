"""Processes that reconstruct: Celery workers in production, one child process in the embedded mode."""
