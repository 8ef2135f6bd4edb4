"""Tables of ``benchmarks.geometry``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

AIM = "source 10 mm, turn 2 deg"
AIM_MM, AIM_DEG = 0.15, 0.5
DOUBTS = {"geometry_far_off", "views_shifted"}
FIGURES = ("common_mm", "relative_mm", "lengths_mm", "angles_deg", "largest_angle_deg", "surface_mm", "z", "position_z")
HEADS = (
    "calibration off by",
    "room",
    "whole spine mm",
    "surface points, that apart, mm",
    "lengths mm",
    "angles deg",
    "largest angle deg",
    "surface to truth mm",
    "z of measurements",
    "z of position",
    "notes",
)


def write(rows: Sequence[dict[str, Any]], record: dict[str, Any], folder: Path) -> None:
    """JSON and Markdown of what was measured so far."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "geometry.json").write_text(json.dumps(record | {"rows": list(rows)}, indent=1) + "\n")
    (folder / "geometry.md").write_text("\n".join([*_head(rows, record), *_answers(rows), "", *_rooms(rows)]) + "\n")


def _head(rows: Sequence[dict[str, Any]], record: dict[str, Any]) -> list[str]:
    people = ", ".join(dict.fromkeys(row["subject"] for row in rows))
    reached = [row for row in rows if row["disturbance"] == AIM and row["refined"]]
    good = [row for row in reached if _is_near(row)]
    doubted = [row for row in reached if row not in good and DOUBTS & set(row["notes"])]
    machine = record["machine"]
    return [
        "# A wrong calibration of the lateral view",
        "",
        f"{people}; {record['draws']} draw(s) of the errors each; {machine['processor']}. Simulated images, no "
        "network. Differences are from the answer of the true calibration, RMS over measurements; z is the RMS of an "
        "error over its own standard error, of measurements against the truth.",
        "",
        f"Aim: with {AIM}, refined within {AIM_MM} mm and {AIM_DEG} degrees (RMS) of the undisturbed answer: "
        f"{len(good)} of {len(reached)}; of the others {len(doubted)} asked for review.",
        "",
        f"Neither within {AIM_MM} mm and {AIM_DEG} degrees nor called doubtful, of all answers: {_silent(rows)}.",
        "",
    ]


def _is_near(row: dict[str, Any]) -> bool:
    return bool(row["lengths_mm"] <= AIM_MM and row["angles_deg"] <= AIM_DEG)


def _silent(rows: Sequence[dict[str, Any]]) -> str:
    """How many, and which."""
    found = [row for row in rows if not _is_near(row) and not DOUBTS & set(row["notes"])]
    names = [f"{row['disturbance']}, {'refined' if row['refined'] else 'as told'}, {row['subject']}" for row in found]
    return f"{len(found)} of {len(rows)}" + (f" ({'; '.join(names)})" if names else "")


def _answers(rows: Sequence[dict[str, Any]]) -> list[str]:
    lines = ["| " + " | ".join(HEADS) + " |", "|---" * len(HEADS) + "|"]
    for name, refined in dict.fromkeys((row["disturbance"], row["refined"]) for row in rows):
        group = [row for row in rows if (row["disturbance"], row["refined"]) == (name, refined)]
        notes = [note for row in group for note in row["notes"] if note != "geometry_refined"]
        told = ", ".join(f"{note} {notes.count(note)}/{len(group)}" for note in dict.fromkeys(notes))
        figures = [f"{mean(row[key] for row in group):.2f}" for key in FIGURES]
        lines.append("| " + " | ".join([name, "refined" if refined else "as told", *figures, told]) + " |")
    return lines


def _rooms(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What was found of the room, each person and draw by itself."""
    heads = ("calibration off by", "room", "person", "source mm", "columns mm", "rows mm", "turn deg")
    said = "Found, with standard errors; of a room as told by one step, which decides whether it is called doubtful:"
    lines = [said, "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        found = [f"{value:.2f} ± {sigma:.2f}" for value, sigma in zip(row["found"], row["sigmas"], strict=True)]
        room = "refined" if row["refined"] else "as told"
        lines.append("| " + " | ".join([row["disturbance"], room, row["subject"], *found]) + " |")
    return lines
