"""``doctor``: self-diagnosis of an installation, one line for each thing that jobs need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from lumbar3d.answers import JsonOption, document, out
from lumbar3d.cli.errors import Exit, explain

if TYPE_CHECKING:
    from lumbar3d.service.settings import ServiceSettings

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"


@dataclass(frozen=True)
class Finding:
    """Finding of one check; ``text`` holds no secrets."""

    check: str
    state: str
    text: str
    duration_s: float


def doctor(
    as_json: JsonOption = False,
    engine: Annotated[
        bool, typer.Option(help="also load the assets and networks and reconstruct a test spine (a minute)")
    ] = True,
) -> None:
    """Check settings, folder, store, disk, database, Redis, clock, assets, networks, device; reconstruct a test spine.

    Exit status 0 where jobs would run (warnings included), 1 where they would not.
    """
    findings = []
    for finding in examine(engine):
        findings.append(finding)
        if not as_json:
            out(f"{finding.state:>8}  {finding.check:<10} {finding.text}")
    if as_json:
        document({"findings": [asdict(finding) for finding in findings]})
    if any(finding.state == FAILED for finding in findings):
        raise typer.Exit(int(Exit.FAILED))


def examine(with_engine: bool) -> Iterator[Finding]:
    """Check after check, so that a person sees how far it is; what needs the settings is left out without them."""
    from lumbar3d.cli import doctor_checks as checks
    from lumbar3d.cli.serve import load_settings

    found: list[ServiceSettings] = []

    def settings() -> tuple[str, str]:
        found.append(load_settings(None))
        return checks.settings(found[0])

    yield _run("settings", settings)
    if not found:
        return
    for name, check in checks.OF_SETTINGS.items():
        yield _run(name, lambda check=check: check(found[0]))  # type: ignore[misc]
    for name, engine_check in checks.OF_ENGINE.items():
        yield _run(name, engine_check) if with_engine else Finding(name, SKIPPED, "not asked for", 0.0)


def _run(name: str, check: Callable[[], tuple[str, str]]) -> Finding:
    started_s = time.monotonic()
    try:
        state, text = check()
    except Exception as error:  # whatever is broken, the other checks go on
        state, text = FAILED, explain(error)[0]
    return Finding(name, state, text, round(time.monotonic() - started_s, 3))
