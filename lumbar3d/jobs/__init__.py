"""The job table and the bundle store: what service and workers both speak to."""
