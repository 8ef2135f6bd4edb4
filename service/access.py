"""Access control: who asks and what they may; roles of API keys and of access tokens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from fastapi import Request

from lumbar3d.service.errors import CrossSiteError


class Role(StrEnum):
    """What a client may do with its own jobs; admin may also read the audit of all."""

    SUBMIT = "submit"
    READ = "read"
    ADMIN = "admin"


BASIC_ROLES = frozenset((Role.SUBMIT, Role.READ))
FOLLOWED_JOB = "/jobs/{job_id}"
FOLLOWED = frozenset((FOLLOWED_JOB, f"{FOLLOWED_JOB}/events"))
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


def refuse_other_sites(request: Request) -> None:
    """Refuse other sites' pages.

    Without a key a browser's own words tell whether a page of ours asks (Fetch Metadata, RFC 6454). A name that its
    owner has pointed at this machine makes a foreign page ours in the browser's eyes (DNS rebinding), so only
    addresses and names without a dot are answered to: nobody outside can own those.

    Raises
    ------
    CrossSiteError
        It is another site's page. Programs that are no browsers send neither header.
    """
    if not _is_nobodys(request.headers.get("host", "")):
        raise CrossSiteError("without API keys the service answers to its address or a name without a dot")
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    is_ours = origin is None or origin.partition("://")[2] == request.headers.get("host")
    if site not in ("none", "same-origin") or not is_ours:
        raise CrossSiteError("a page of another site may not use this service")


def _is_nobodys(host: str) -> bool:
    """Whether no stranger can own this name: an address, or a name without a dot."""
    name = host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return "." not in name
    return True
