"""``settings``: every ``LUMBAR3D_*`` variable, from the classes that read them."""

from __future__ import annotations

import typing
from types import NoneType
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from lumbar3d.cli.console import out


def settings() -> None:
    """Print all settings as a Markdown table, as docs/operate.md has it."""
    out(table())


def table() -> str:
    """One row a setting: name, who reads it, default, meaning."""
    from lumbar3d.jobs.settings import PREFIX, JobsSettings
    from lumbar3d.service.settings import ServiceSettings
    from lumbar3d.worker.settings import WorkerSettings

    shared = set(JobsSettings.model_fields)
    rows = ["| setting | read by | default | meaning |", "|---|---|---|---|"]
    fields = {**ServiceSettings.model_fields, **WorkerSettings.model_fields}
    for name, field in sorted(fields.items(), key=lambda item: (item[0] not in shared, item[0])):
        both = name in ServiceSettings.model_fields and name in WorkerSettings.model_fields
        who = "both" if both else "service" if name in ServiceSettings.model_fields else "worker"
        rows.append(f"| `{PREFIX}{name.upper()}` | {who} | {_default(field)} | {_meaning(field)} |")
    return "\n".join(rows)


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or (isinstance(value, SecretStr) and not value.get_secret_value()):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meaning(field: FieldInfo) -> str:
    choices = typing.get_args(field.annotation)
    text = field.description or ""
    if choices and all(isinstance(choice, str) for choice in choices):
        text += f" ({', '.join(choices)})"
    return text + (" [secret]" if SecretStr in (field.annotation, *(c for c in choices if c is not NoneType)) else "")
