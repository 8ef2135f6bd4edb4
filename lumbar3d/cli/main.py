"""The ``lumbar3d`` command. Every command lives in its own module and imports what is heavy when it runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lumbar3d import __version__
from lumbar3d.answers import out
from lumbar3d.cli import bridge, calibrate, db, examples, jobs, keys, plugins
from lumbar3d.cli.audit import audit
from lumbar3d.cli.check import check
from lumbar3d.cli.compare import compare
from lumbar3d.cli.console import note
from lumbar3d.cli.demo import demo
from lumbar3d.cli.doctor import doctor
from lumbar3d.cli.errors import explain
from lumbar3d.cli.groups import Commands
from lumbar3d.cli.reconstruct import reconstruct
from lumbar3d.cli.report import report
from lumbar3d.cli.serve import serve
from lumbar3d.cli.settings import settings
from lumbar3d.cli.validate import validate
from lumbar3d.cli.worker import worker

HELP = """Two calibrated radiographs of a standing patient to the lumbar spine L1-L5 in 3D.

Decision support for research. Not a medical device. Trained on simulated images.

Exit status: 0 done, 1 something on this machine failed, 2 wrong usage, 3 the job ended without a result,
4 the server cannot be reached, 5 the input or request was refused.

Answers go to stdout, remarks and progress to stderr. With --json an answer is one document; of commands that run on
(demo, serve, worker, bridge run), and of the audit, it is an object a line."""

USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""Unknown command or option; typer has no public name for it. Shown by typer itself, with exit status 2."""


class OneLineErrors(Commands):
    """Whatever a command raises becomes one line on stderr and an exit status. Knows the plug-in commands too."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Own commands first."""
        return [*super().list_commands(ctx), *plugins.names()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Own commands, then plug-ins, loaded here and not before."""
        return super().get_command(ctx, cmd_name) or plugins.load(cmd_name)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, USAGE_ERROR):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as error:
            if isinstance(error, ModuleNotFoundError):
                error = plugins.missing(ctx.invoked_subcommand, error.name)
            message, status = explain(error)
            note(f"lumbar3d: {message}")
            raise typer.Exit(int(status)) from None


app = typer.Typer(cls=OneLineErrors, help=HELP, no_args_is_help=True, rich_markup_mode=None)


def _show_version(wanted: bool) -> None:
    if wanted:
        out(f"lumbar3d {__version__}")
        raise typer.Exit


@app.callback(help=HELP)
def about(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="print the version")
    ] = False,
) -> None:
    """What stands before a command."""


OWN = (demo, check, reconstruct, compare, report, validate, serve, worker, doctor, audit, settings)
for command in (*OWN, jobs.submit, jobs.status, jobs.wait, jobs.download, jobs.cancel, jobs.erase):
    app.command(epilog=examples.of(command.__name__))(command)
app.command("list", epilog=examples.of("list"))(jobs.list_jobs)
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(keys.app, name="key")
app.add_typer(db.app, name="db")
app.add_typer(bridge.app, name="bridge")
