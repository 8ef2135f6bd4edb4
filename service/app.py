"""Composition root of the service."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from lumbar3d import __version__
from lumbar3d.jobs import jsonlog
from lumbar3d.jobs.errors import AWAY, SchemaVersionError
from lumbar3d.jobs.settings import explain
from lumbar3d.service import api_page, maintenance, problems, schema
from lumbar3d.service.connections import POLLS, bound_every_server
from lumbar3d.service.deps import Services
from lumbar3d.service.middleware import RequestContext
from lumbar3d.service.routes import (
    artifacts,
    audit,
    comparison,
    dicom,
    health,
    jobs,
    listing,
    report,
    review,
    revisions,
    submit,
)
from lumbar3d.service.settings import ServiceSettings

WEB = Path(__file__).parent / "web"
DEMO = Path(__file__).parents[1] / "demo"
"""The demonstration pair that the page offers to try."""


def create_app(settings: ServiceSettings) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    settings : ServiceSettings
        Read by the caller, once.

    Raises
    ------
    ValueError
        API keys are required and none is configured, or an entry is malformed.
    """
    services = Services.start(settings)
    app = FastAPI(
        title="lumbar3d",
        version=__version__,
        summary="Two calibrated radiographs of a standing patient to the lumbar spine L1-L5 in 3D.",
        description=schema.DESCRIPTION,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.services = services
    problems.install(app)
    for part in (submit, listing, jobs, review, revisions, artifacts, report, comparison, dicom, audit, health):
        app.include_router(part.ROUTER)
    app.include_router(api_page.ROUTER)
    _add_page(app)
    schema.install(app)
    app.add_middleware(RequestContext, metrics=services.metrics)
    return app


def create_app_from_environment() -> FastAPI:
    """For ``uvicorn --factory --http service.connections:BoundedHttp service.app:create_app_from_environment``."""
    try:  # before the logs are cut down to safe fields: a wrong setting must be readable
        settings = ServiceSettings()
        app = create_app(settings)
    except ValueError as error:
        raise SystemExit(f"lumbar3d: the settings do not work: {explain(error)}") from None
    except (SchemaVersionError, *AWAY) as error:
        raise SystemExit(f"lumbar3d: {error}") from None
    jsonlog.configure(settings.log_level)
    bound_every_server()
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Runs what runs beside the requests; the protocol finds the kept answers in the state that is yielded."""
    services: Services = app.state.services
    running = [asyncio.create_task(work) for work in _works(services)]
    yield {POLLS: services.polls} if services.settings.require_api_key else {}
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    services.close()


def _works(services: Services) -> tuple[Coroutine[Any, Any, None], ...]:
    return maintenance.run(services), services.polls.run(), services.webhooks.run()


def _add_page(app: FastAPI) -> None:
    """The result page: static files, for every address that is none of the interface.

    As the router's default and not as a route: one that takes every path would hide that a method is not allowed.
    """
    if DEMO.is_dir():
        app.mount("/demo", _Page(directory=DEMO), name="demo")
    if WEB.is_dir():
        app.router.default = _Page(directory=WEB, html=True)


class _Page(StaticFiles):
    """Never redirects: the address would be made of what the client says we are called."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; there are no web sockets."""
        if scope["type"] == "http":
            await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or 404; 405 where there is a file and it is not asked for."""
        if scope["method"] != "GET":
            raise HTTPException(405 if self.lookup_path(path)[1] else 404)
        answer = await super().get_response(path, scope)
        if isinstance(answer, RedirectResponse):
            raise HTTPException(404)
        # Names do not change with the contents: after an upgrade no old script may meet a new page.
        answer.headers["Cache-Control"] = "no-cache"
        return answer
