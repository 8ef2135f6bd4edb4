"""Tables of ``benchmarks.network``."""

from __future__ import annotations

from typing import Any

PAPER = {"dice": (0.995, 0.993), "psnr_db": (45.8, 43.0), "ssim": (0.992, 0.988)}
PAPER_LANDMARK_MM = {
    "all": (2.34, 4.03),
    "endplate": (1.53, 1.67),
    "transverse": (3.02, 6.72),
    "pedicle": (1.47, 2.85),
    "spinous": (4.38, 5.75),
}
"""Figures of arXiv 2503.14573 on its own images of its own people: no contest, only the scale."""
PAPER_NOTE = (
    "the paper's column: other images of other people, landmark distances in its own plane, so for scale only; "
    "the figures of its SDR table are not known here"
)


def markdown(report: dict[str, Any]) -> str:
    """The report as tables and its conditions."""
    rows = ["## Network on held-out simulated films", "", *tables(report["ap"], report["lat"])]
    rows += ["", "| errors within the stated 50 / 68 / 95 % ellipse, % | AP | LAT |", "|---" * 3 + "|"]
    ap, lat = report["ap"], report["lat"]
    for kind in ap["reliability"]:
        rows.append(f"| {kind} | {_shares(ap['reliability'][kind])} | {_shares(lat['reliability'][kind])} |")
    rows += ["", f"- data: {report['data']}", f"- refused: {len(report['refused'])}"]
    rows += [f"- levels named after a neighbour: {ap['mislabelled_levels']} AP, {lat['mislabelled_levels']} LAT"]
    rows += [f"- machine: {report['machine']}", f"- detection of a pair: median {report['detect_s_median']} s"]
    rows += [f"- {name}: {sha256[:12]}" for name, sha256 in report["assets"].items()]
    rows += [f"- {PAPER_NOTE}"]
    return "\n".join(rows) + "\n"


def tables(ap: dict[str, Any], lat: dict[str, Any]) -> list[str]:
    """Decomposition and landmarks of both views (``network_measure.summary``) beside the paper's."""
    rows = ["| decomposition | AP | LAT | paper AP / LAT |", "|---" * 4 + "|"]
    for name, paper in PAPER.items():
        rows.append(f"| {name} | {ap[name]:.3f} | {lat[name]:.3f} | {paper[0]} / {paper[1]} |")
    head = "| landmarks | AP mm | LAT mm | SDR 2 / 4 / 6 mm AP, % | LAT, % | paper AP / LAT mm |"
    rows += ["", head, "|---" * 6 + "|"]
    for kind, paper in PAPER_LANDMARK_MM.items():
        a, b = ap[f"landmark_{kind}"], lat[f"landmark_{kind}"]
        means = f"{a['mean_mm']:.2f} | {b['mean_mm']:.2f}"
        rows.append(f"| {kind} | {means} | {rates(a)} | {rates(b)} | {paper[0]} / {paper[1]} |")
    return rows


def rates(landmarks: dict[str, float]) -> str:
    """Successful detection rates."""
    return " / ".join(f"{landmarks[f'sdr_{limit}mm_percent']:.0f}" for limit in (2, 4, 6))


def _shares(coverage: dict[str, float]) -> str:
    return " / ".join(f"{100 * value:.0f}" for value in coverage.values())
