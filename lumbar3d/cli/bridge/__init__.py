"""``bridge``: films from an archive (PACS) to the service, results back into their study. A client of REST alone."""

from lumbar3d.cli.bridge.command import app

__all__ = ["app"]
