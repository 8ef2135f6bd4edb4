"""Webhooks: one call per ended job to the address that an operator has given for its client; off by default.

Where a call may go is the operator's word alone: https to a listed host, an address that is nobody's private network
unless that network is listed too, and no redirect. The address is looked up once and then called, so that a name
cannot lead elsewhere between look and call.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import re
import secrets
import socket
import ssl
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx
from starlette.concurrency import run_in_threadpool

from lumbar3d.jobs import notices
from lumbar3d.jobs.clock import iso
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.notices import Notice
from lumbar3d.service.settings import ServiceSettings
from lumbar3d.signature import HEADER, sign

LOGGER = logging.getLogger(__name__)
AT_ONCE = 8
TIMEOUT_S = 10.0
CLIENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DELIVERY = uuid.UUID("6f1d8f0e-0a7b-4a52-8a0f-6f0b3c1d2e4a")
PORTS = {"https": 443, "http": 80}


class ForbiddenTargetError(ValueError):
    """The address is none that may be called."""


@dataclass(frozen=True)
class Target:
    """Where a client wants to be called, and with which secret."""

    url: str
    secret: str


@dataclass(frozen=True)
class Allowed:
    """What may be called.

    Attributes
    ----------
    hosts : frozenset of str
        Names and addresses.
    networks : tuple of network
        Private ones that may be called; to these also without TLS.
    """

    hosts: frozenset[str]
    networks: tuple[Network, ...]

    @classmethod
    def parse(cls, text: str) -> Allowed:
        """Names, addresses and networks, apart by commas or spaces.

        Raises
        ------
        ValueError
            A network that is none.
        """
        words = text.replace(",", " ").lower().split()
        networks = [ipaddress.ip_network(word) for word in words if "/" in word or _literal(word) is not None]
        return cls(frozenset(words), tuple(networks))

    def is_listed(self, address: Address) -> bool:
        """Whether an address lies in a listed network."""
        return any(address in network for network in self.networks if network.version == address.version)

    def check_url(self, url: str) -> SplitResult:
        """The parts of an address that may be called.

        Raises
        ------
        ForbiddenTargetError
        """
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname or parts.username or parts.fragment:
            raise ForbiddenTargetError("a webhook is an https address without a user and a fragment")
        literal = _literal(parts.hostname)
        if parts.hostname not in self.hosts and not (literal and self.is_listed(literal)):
            raise ForbiddenTargetError("its host is not in LUMBAR3D_WEBHOOK_HOSTS")
        return parts

    def resolve(self, parts: SplitResult) -> Address:
        """The address to call.

        Raises
        ------
        ForbiddenTargetError
            A private one that is not listed, or no TLS to one that is not.
        OSError
            The name is not known.
        """
        port = parts.port or PORTS[parts.scheme]
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(each[4][0]) for each in found]
        for address in addresses:
            listed = self.is_listed(address)
            if not listed and (not address.is_global or address.is_multicast):
                raise ForbiddenTargetError("it has a private address whose network is not in LUMBAR3D_WEBHOOK_HOSTS")
            if not listed and parts.scheme != "https":
                raise ForbiddenTargetError("without TLS only listed networks are called")
        return addresses[0]


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def read_targets(file: Path, allowed: Allowed) -> dict[str, Target]:
    """Targets by client: a line each, ``client url secret``.

    Raises
    ------
    ValueError
        A line that is none, or an address that may not be called; with its client, never its secret.
    """
    targets: dict[str, Target] = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 3 or CLIENT.fullmatch(words[0]) is None:
            raise ValueError(f"line {number} of {file.name} is not: client url secret")
        try:
            allowed.check_url(words[1])
        except ForbiddenTargetError as error:
            raise ValueError(f"webhook of {words[0]}: {error}") from None
        targets[words[0]] = Target(words[1], words[2])
    return targets


def write_target(file: Path, client: str, url: str) -> str:
    """Set a client's webhook and give its new secret."""
    secret = secrets.token_urlsafe(32)
    kept = [line for line in file.read_text().splitlines() if line.split()[:1] != [client]] if file.exists() else []
    draft = file.with_name(f".{file.name}.draft")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{line}\n" for line in [*kept, f"{client} {url} {secret}"]))
    draft.replace(file)
    return secret


class Webhooks:
    """Calls of one process.

    Parameters
    ----------
    settings : ServiceSettings
    database : Database

    Raises
    ------
    ValueError
        The file or the hosts do not work.
    """

    def __init__(self, settings: ServiceSettings, database: Database) -> None:
        self._file = settings.webhook_file
        self._database = database
        self._every_s = settings.sweep_s
        self._allowed = Allowed.parse(settings.webhook_hosts)
        self._tls = ssl.create_default_context()
        self._targets = {} if self._file is None else read_targets(self._file, self._allowed)

    async def run(self) -> None:
        """Until cancelled; without a file there is nothing to do."""
        while self._file is not None:
            try:
                await self.deliver_due()
            except Exception:
                LOGGER.warning("webhooks failed", exc_info=True)
            await asyncio.sleep(self._every_s)

    async def deliver_due(self) -> int:
        """Call for every notice that is due; the file is read anew. Returns how many calls there were.

        A client whose receiver does not take one waits for the next time, so that it holds up nobody else.
        """
        targets = dict(await run_in_threadpool(self._read))
        calls = 0
        while targets:
            due = await run_in_threadpool(notices.claim, self._database, sorted(targets), AT_ONCE)
            failures = await asyncio.gather(*(self._deliver(notice, self._targets[notice.owner]) for notice in due))
            calls += len(due)
            if len(due) < AT_ONCE:
                break
            for notice, failure in zip(due, failures, strict=True):
                if failure is not None:
                    targets.pop(notice.owner, None)
        return calls

    def _read(self) -> Mapping[str, Target]:
        """What the file says; while it cannot be read, what it said before."""
        assert self._file is not None
        try:
            self._targets = read_targets(self._file, self._allowed)
        except (OSError, ValueError):
            LOGGER.error("the webhook file cannot be read, the targets of before still hold", exc_info=True)
        return self._targets

    async def _deliver(self, notice: Notice, target: Target) -> str | None:
        failure = await self._call(notice, target)
        await run_in_threadpool(notices.settle, self._database, notice, failure)
        LOGGER.info("webhook", extra={"outcome": failure or "arrived", "job_id": notice.job_id})
        return failure

    async def _call(self, notice: Notice, target: Target) -> str | None:
        """Why a call did not arrive, in a word; None where it did."""
        body = json.dumps(message(notice)).encode()
        try:
            parts = self._allowed.check_url(target.url)
            address = await run_in_threadpool(self._allowed.resolve, parts)
            port = parts.port or PORTS[parts.scheme]
            url = httpx.URL(target.url).copy_with(host=str(address), port=port)
            headers = {
                "Host": parts.netloc,
                "Content-Type": "application/json",
                HEADER: sign(target.secret, body, int(time.time())),
            }
            async with httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=TIMEOUT_S) as client:
                request = client.build_request(
                    "POST", url, content=body, headers=headers, extensions={"sni_hostname": parts.hostname}
                )
                async with asyncio.timeout(2 * TIMEOUT_S):
                    answer = await client.send(request, stream=True)
                    await answer.aclose()
        except ForbiddenTargetError:
            return "forbidden_target"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return type(error).__name__
        return None if answer.is_success else f"status_{answer.status_code}"


def message(notice: Notice) -> dict[str, object]:
    """What is said of a job; everything else is fetched with the client's key. The id is the same in every try."""
    return {
        "id": str(uuid.uuid5(DELIVERY, notice.job_id)),
        "type": "job.ended",
        "job": {"id": notice.job_id, "state": notice.state, "code": notice.code, "ended_at": iso(notice.ended_s)},
    }
