"""``openapi.yaml`` kept equal to what the code serves.

``python -m lumbar3d.service.openapi --write | --check openapi.yaml``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import yaml

from lumbar3d.service.app import create_app
from lumbar3d.service.settings import ServiceSettings


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, and every object written out: a reader sees no anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def render() -> str:
    """The document as YAML."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(ServiceSettings(data_dir=Path(folder), require_api_key=False))
        text: str = yaml.dump(app.openapi(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
        app.state.services.close()
    return text


def main(arguments: list[str] | None = None) -> int:
    """Write or check; 1 where the file differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", type=Path, metavar="FILE")
    action.add_argument("--check", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    text = render()
    if chosen.write is not None:
        chosen.write.write_text(text)
        return 0
    if chosen.check.is_file() and chosen.check.read_text() == text:
        return 0
    sys.stderr.write("openapi.yaml differs from the code: python -m lumbar3d.service.openapi --write openapi.yaml\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
