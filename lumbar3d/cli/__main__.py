"""``python -m lumbar3d.cli``: the same as ``lumbar3d``."""

from lumbar3d.cli.main import app

app(prog_name="lumbar3d")
