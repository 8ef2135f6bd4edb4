"""Broker contract: what producer and consumer of hints must agree on."""

from __future__ import annotations

QUEUE = "lumbar3d"
TRANSPORT_OPTIONS = {
    "socket_timeout": 3.0,
    "socket_connect_timeout": 1.0,
    "socket_keepalive": True,
}
"""Without timeouts a frozen Redis holds a publisher for more than 40 s."""
