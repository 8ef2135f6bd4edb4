"""Construction of each measurement: the lines in space that a reader sees it by, for the fit and for every draw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from lumbar3d.anatomy import Level
from lumbar3d.arrays import Array
from lumbar3d.contracts import Measurement
from lumbar3d.measurement.sacrum import S1, MeasuredSacrum
from lumbar3d.measurement.segment import FORWARD, LEFT, UP, disc_bisector
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra, Plate, dot, unit

AXIS_MM = 25.0
"""Half length of an axis that is drawn: about a body's width."""
_RIM_POINTS = 24
"""Of an end plate's rim, as its outline is drawn."""


@dataclass(frozen=True, eq=False)
class Line:
    """One line: ``points`` (n, 1 + draws, 3) in world mm, role as in the interface's description."""

    role: str
    points: Array


@dataclass(frozen=True, eq=False)
class Construction:
    """What is drawn of one measurement."""

    code: str
    target: str
    kind: str
    lines: tuple[Line, ...]


Draw = Callable[..., Iterable[Line]]
Bone = MeasuredVertebra | MeasuredSacrum
_PLATES: WeakKeyDictionary[Bone, dict[tuple[str, str], Line]] = WeakKeyDictionary()
"""Lines through end plates, drawn once: six measurements share one."""


def constructions(
    spine: Sequence[MeasuredVertebra],
    levels: Sequence[Level],
    measurements: Sequence[Measurement],
    sacrum: MeasuredSacrum | None = None,
) -> list[Construction]:
    """One construction of each measurement that has one, in their order.

    Parameters
    ----------
    spine : sequence of MeasuredVertebra
        Of ``levels``, head first.
    sacrum : MeasuredSacrum, optional
        Where measurements need it.
    """
    by_level: dict[str, Bone] = dict(zip(levels, spine, strict=True))
    if sacrum is not None:
        by_level[S1] = sacrum
    found = []
    for each in measurements:
        kind, draw = _DRAWN.get(each.code, ("", None))
        if draw is not None:
            named = [by_level[level] for level in each.target.replace("-", "/").split("/")]
            found.append(Construction(each.code, each.target, kind, tuple(draw(*named))))
    return found


def _line(role: str, *points: Array) -> Line:
    return Line(role, np.stack(np.broadcast_arrays(*points)))


def _between(first: str, second: str) -> Draw:
    """A segment between two points of one vertebra."""

    def draw(of: MeasuredVertebra) -> Iterator[Line]:
        yield _line("segment", getattr(of.points, first), getattr(of.points, second))

    return draw


def _plate(of: Bone, name: str, axis: str) -> Line:
    """A line through an end plate along the bone's x (sagittal) or y (coronal) axis, as long as the rim."""
    known = _PLATES.setdefault(of, {})
    if (name, axis) not in known:
        known[name, axis] = _line("plate", *_plate_ends(of, name, axis))
    return known[name, axis]


def _plate_ends(of: Bone, name: str, axis: str) -> list[Array]:
    plate: Plate = getattr(of, name)
    along = of.axis(axis)
    along = unit(along - dot(along, plate.normal)[..., None] * plate.normal)
    rim: Array = getattr(of.points, "rim_sup" if name == "superior" else "rim_inf")
    reach = dot(rim - plate.centre[..., None, :], along[..., None, :])
    return [plate.centre + end[..., None] * along for end in (reach.min(-1), reach.max(-1))]


def _plates(axis: str, *names: str) -> Draw:
    """One plate of each vertebra, or both of one."""

    def draw(*of: MeasuredVertebra) -> Iterator[Line]:
        vertebrae = of * len(names) if len(of) == 1 else of
        return (_plate(vertebra, name, axis) for vertebra, name in zip(vertebrae, names, strict=True))

    return draw


def _axis(of: MeasuredVertebra, role: str, direction: Array) -> Line:
    return _line(role, of.origin - AXIS_MM * direction, of.origin + AXIS_MM * direction)


def _against(axis: str, reference: Array) -> Draw:
    """An axis of a vertebra against one of the room."""

    def draw(of: MeasuredVertebra) -> Iterator[Line]:
        yield _axis(of, "axis", of.axis(axis))
        yield _axis(of, "reference", np.broadcast_to(reference, of.origin.shape))

    return draw


def _left_axes(upper: MeasuredVertebra, lower: MeasuredVertebra) -> Iterator[Line]:
    yield _axis(upper, "axis", upper.axis("y"))
    yield _axis(lower, "reference", lower.axis("y"))


def _outline(rim: Array) -> Iterator[Line]:
    chosen = np.linspace(0, rim.shape[-2], _RIM_POINTS, endpoint=False).astype(int)
    ring = np.moveaxis(rim[..., chosen, :], -2, 0)
    yield Line("outline", np.concatenate([ring, ring[:1]]))


def _width(of: MeasuredVertebra, rim: Array) -> Iterator[Line]:
    reach = dot(rim[0], of.axis("y")[0])
    yield _line("segment", rim[..., reach.argmin(), :], rim[..., reach.argmax(), :])


def _disc(above: str, below: str) -> Draw:
    def draw(upper: MeasuredVertebra, lower: Bone) -> Iterator[Line]:
        start, other = _point(lower, below, "superior"), _point(upper, above, "inferior")
        yield from _offset(start, other, disc_bisector(upper, lower))
        yield _plate(upper, "inferior", "x")
        yield _plate(lower, "superior", "x")

    return draw


def _point(of: Bone, name: str, plate: str) -> Array:
    return np.asarray(getattr(of, plate).centre if name == "centre" else getattr(of.points, name))


def _slip(upper: MeasuredVertebra, lower: Bone) -> Iterator[Line]:
    start, corner = lower.points.posterior_sup, upper.points.posterior_inf
    depth = lower.points.anterior_sup - start
    depth = unit(depth - dot(depth, lower.axis("y"))[..., None] * lower.axis("y"))
    yield from _offset(start, corner, depth)
    yield _plate(lower, "superior", "x")


def _slip_lateral(upper: MeasuredVertebra, lower: MeasuredVertebra) -> Iterator[Line]:
    yield from _offset(lower.superior.centre, upper.inferior.centre, lower.axis("y"))
    yield _plate(lower, "superior", "y")


def _offset(start: Array, other: Array, along: Array) -> Iterator[Line]:
    """The way from ``start`` along a direction until beside another point."""
    foot = start + dot(other - start, along)[..., None] * along
    yield _line("segment", start, foot)
    yield _line("reference", foot, other)


def _slope(of: MeasuredSacrum) -> Iterator[Line]:
    """The plate against the horizontal through its posterior end."""
    start = of.points.posterior_sup
    yield _plate(of, "superior", "x")
    yield _line("reference", start, start + 2 * AXIS_MM * FORWARD)


def _pelvic_line(of: MeasuredSacrum) -> tuple[Line, Line]:
    """The line from S1 to the hip axis, and that axis."""
    assert of.hips is not None  # nothing is measured without
    middle = of.superior.centre
    return _line("segment", middle, of.hips.middle), _line("axis", of.hips.left, of.hips.right)


def _incidence(of: MeasuredSacrum) -> Iterator[Line]:
    """The perpendicular to the plate as long as the line to the hips."""
    line, hips = _pelvic_line(of)
    length = np.linalg.norm(line.points[1] - line.points[0], axis=-1, keepdims=True)
    yield from (_plate(of, "superior", "x"), line, hips)
    yield _line("reference", line.points[0], line.points[0] - length * of.superior.normal)


def _tilt(of: MeasuredSacrum) -> Iterator[Line]:
    """The vertical through the middle of the hips."""
    line, hips = _pelvic_line(of)
    height = dot(line.points[0] - line.points[1], UP)[..., None]
    yield from (line, hips)
    yield _line("reference", line.points[1], line.points[1] + height * UP)


def _mismatch(upper: MeasuredVertebra, of: MeasuredSacrum) -> Iterator[Line]:
    yield _plate(upper, "superior", "x")
    yield from _incidence(of)


def _centres(first: MeasuredVertebra, last: MeasuredVertebra) -> Iterator[Line]:
    yield _line("segment", first.origin, last.origin)


_DRAWN: dict[str, tuple[str, Draw]] = {
    **{
        f"body_height_{place}": ("length", _between(f"{point}_sup", f"{point}_inf"))
        for place, point in (
            ("anterior", "anterior"),
            ("middle", "centre"),
            ("posterior", "posterior"),
            ("left", "left"),
            ("right", "right"),
        )
    },
    "endplate_depth_superior": ("length", _between("anterior_sup", "posterior_sup")),
    "endplate_depth_inferior": ("length", _between("anterior_inf", "posterior_inf")),
    "endplate_width_superior": ("length", lambda of: _width(of, of.points.rim_sup)),
    "endplate_width_inferior": ("length", lambda of: _width(of, of.points.rim_inf)),
    "endplate_area_superior": ("outline", lambda of: _outline(of.points.rim_sup)),
    "endplate_area_inferior": ("outline", lambda of: _outline(of.points.rim_inf)),
    "body_wedge_sagittal": ("angle", _plates("x", "superior", "inferior")),
    "body_wedge_coronal": ("angle", _plates("y", "superior", "inferior")),
    "lateral_tilt": ("rotation", _against("z", UP)),
    "sagittal_tilt": ("rotation", _against("z", UP)),
    "axial_rotation": ("rotation", _against("y", LEFT)),
    "disc_height_anterior": ("length", _disc("anterior_inf", "anterior_sup")),
    "disc_height_middle": ("length", _disc("centre", "centre")),
    "disc_height_posterior": ("length", _disc("posterior_inf", "posterior_sup")),
    "disc_angle_sagittal": ("angle", _plates("x", "inferior", "superior")),
    "disc_angle_coronal": ("angle", _plates("y", "inferior", "superior")),
    "segmental_lordosis": ("angle", _plates("x", "superior", "superior")),
    "segmental_lordosis_3d": ("angle", _plates("x", "superior", "superior")),
    "slip_sagittal": ("offset", _slip),
    "slip_sagittal_percent": ("offset", _slip),
    "slip_lateral": ("offset", _slip_lateral),
    "axial_rotation_intervertebral": ("rotation", _left_axes),
    "lumbar_lordosis": ("angle", _plates("x", "superior", "inferior")),
    "lumbar_lordosis_to_l5_superior": ("angle", _plates("x", "superior", "superior")),
    "cobb_coronal": ("angle", _plates("y", "superior", "inferior")),
    "cobb_coronal_l1_l5": ("angle", _plates("y", "superior", "inferior")),
    "lumbar_lordosis_to_s1": ("angle", _plates("x", "superior", "superior")),
    "lumbar_lordosis_l4_s1": ("angle", _plates("x", "superior", "superior")),
    "sacral_slope": ("angle", _slope),
    "pelvic_incidence": ("angle", _incidence),
    "pelvic_tilt": ("angle", _tilt),
    "pelvic_incidence_less_lordosis": ("angle", _mismatch),
    "lumbar_height": ("length", _centres),
}
"""Kind and lines by code; a volume has none."""
