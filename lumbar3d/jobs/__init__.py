"""Job table and artifact store: what service and workers both speak to."""
