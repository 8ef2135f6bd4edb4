"""``settings``: every ``LUMBAR3D_*`` variable, from the classes that read them."""

from __future__ import annotations

import typing
from types import NoneType
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from lumbar3d.answers import JsonOption, show


def settings(as_json: JsonOption = False) -> None:
    """Print all settings as a Markdown table, as docs/operate.md has it."""
    show(table(), {"settings": rows()}, as_json)


def table() -> str:
    """One row a setting: name, who reads it, default, meaning."""
    lines = ["| setting | read by | default | meaning |", "|---|---|---|---|"]
    for row in rows():
        default = "none" if row["default"] is None else f"`{row['default']}`"
        lines.append(f"| `{row['setting']}` | {row['read_by']} | {default} | {row['meaning']} |")
    return "\n".join(lines)


def rows() -> list[dict[str, str | None]]:
    """The same for a program; a default of None is no value."""
    from lumbar3d.jobs.settings import PREFIX, JobsSettings
    from lumbar3d.service.settings import ServiceSettings
    from lumbar3d.worker.settings import WorkerSettings

    shared = set(JobsSettings.model_fields)
    found = list[dict[str, str | None]]()
    fields = {**ServiceSettings.model_fields, **WorkerSettings.model_fields}
    for name, field in sorted(fields.items(), key=lambda item: (item[0] not in shared, item[0])):
        both = name in ServiceSettings.model_fields and name in WorkerSettings.model_fields
        who = "both" if both else "service" if name in ServiceSettings.model_fields else "worker"
        told = {"default": _default(field), "meaning": _meaning(field)}
        found.append({"setting": f"{PREFIX}{name.upper()}", "read_by": who, **told})
    return found


def _default(field: FieldInfo) -> str | None:
    value: Any = field.default
    if value is None or (isinstance(value, SecretStr) and not value.get_secret_value()):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meaning(field: FieldInfo) -> str:
    choices = typing.get_args(field.annotation)
    text = field.description or ""
    if choices and all(isinstance(choice, str) for choice in choices):
        text += f" ({', '.join(choices)})"
    return text + (" [secret]" if SecretStr in (field.annotation, *(c for c in choices if c is not NoneType)) else "")
