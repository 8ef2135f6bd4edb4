"""Who asks and what they may: roles of API keys and of access tokens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a client may do with its own jobs; admin may also read the audit of all."""

    SUBMIT = "submit"
    READ = "read"
    ADMIN = "admin"


BASIC_ROLES = frozenset((Role.SUBMIT, Role.READ))
FOLLOWED = frozenset(("/jobs/{job_id}", "/jobs/{job_id}/events"))
"""The state of a job: for whoever submits, and for whoever reads results."""
AUDIT = "/audit"


@dataclass(frozen=True)
class Principal:
    """An authenticated client."""

    client: str
    roles: frozenset[Role]

    def may(self, method: str, route: str) -> bool:
        """Whether this request is allowed; ``route`` is the template of its path."""
        return Role.ADMIN in self.roles or bool(self.roles & needed(method, route))


def needed(method: str, route: str) -> frozenset[Role]:
    """Roles of which one is needed: submit for what changes something, read for results, admin for the audit."""
    if route == AUDIT:
        return frozenset((Role.ADMIN,))
    if method not in ("GET", "HEAD"):
        return frozenset((Role.SUBMIT,))
    return BASIC_ROLES if route in FOLLOWED else frozenset((Role.READ,))
