"""Registry of constants: every constant of the algorithm, with a reason beside it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lumbar3d.constants import GROUPS, OWNERS, Recorded, recorded
from lumbar3d.contracts import ReconstructionResult
from lumbar3d.registration.constants import FitStage, RegistrationConstants
from tests.unit.facts.syntax import syntax

LIBRARY = Path(__file__).resolve().parents[3] / "lumbar3d"
PACKAGES = (
    "detection",
    "refusal",
    "drr",
    "engines",
    "geometry",
    "imaging",
    "measurement",
    "registration",
    "sacrum",
    "shape",
)
DOOR = (
    "documents.py",
    "edits.py",
    "geometry/beads.py",
    "imaging/blank.py",
    "imaging/codec_server.py",
    "imaging/decoder.py",
    "imaging/formats",
    "imaging/header.py",
    "imaging/inspect.py",
    "imaging/sandbox.py",
)
"""What is let in, and how a calibration is made; what comes out of a film depends on none of these."""
BESIDE = ("evidence.py", "kept_fit.py", "residual_file.py", "selftest.py", "signature.py")
"""How files are written, an installation is tested, a call is signed."""
NOT_CONSTANTS = {
    "compare.DETECTABLE_SIGMAS": "of two results, and its contract says it",
    "detector.FILMS_A_RUN": "time only",
    "pipeline.FIRST_FIT": "progress only",
    "stages._SHARES": "progress only",
    "drr.cpu.MAX_THREADS": "time only",
    "drr.gpu.THREADS_PER_BLOCK": "time only",
    "shape.distance.NEIGHBOURS": "time only",
    "shape.distance.CHUNK_PAIRS": "memory only",
    "shape.distance.OCTAVES": "time only",
    "measurement.report._THREADS": "time only",
    "detection.aim.AT_ONCE": "memory only",
    "registration.parameters.POSE": "a rigid motion has six numbers",
    "registration.resident.descent.RUNNING": "a bit of a flag",
    "registration.resident.descent.FAILED": "a bit of a flag",
    "registration.resident.surfaces.KEPT": "memory only",
    "detection.flip_averaging._LATERAL": "a place in an array",
    "detection.flip_averaging._MIRRORED": "a place in an array",
    "quality._WITHOUT_COVARIANCE": "grades",
    "measurement.norms._AREAS_MM2": "published figures, which each measurement carries with their source",
}
DATACLASS = re.compile(r"(Constants|Limits|Grid)$")


def modules() -> list[Path]:
    """Every module of the algorithm: of its packages, and those at the library's top."""
    files = [path for package in PACKAGES for path in sorted((LIBRARY / package).rglob("*.py"))]
    files += sorted(LIBRARY.glob("*.py"))
    return [path for path in files if not path.relative_to(LIBRARY).as_posix().startswith((*DOOR, *BESIDE))]


def owner(path: Path) -> str:
    return ".".join(path.relative_to(LIBRARY).with_suffix("").parts)


def is_number(node: ast.expr) -> bool:
    """Numbers, sums of them, tuples of them and mappings to them."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return is_number(node.left) and is_number(node.right)
    if isinstance(node, ast.Dict):
        return bool(node.values) and all(map(is_number, node.values))
    return isinstance(node, ast.Tuple) and bool(node.elts) and all(map(is_number, node.elts))


def assigned(node: ast.stmt) -> list[str]:
    """Names in capitals that a statement gives numbers to."""
    if isinstance(node, ast.Assign):
        names, value = [name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)], node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        names, value = [node.target.id], node.value
    else:
        return []
    return [name for name in names if name.isupper()] if is_number(value) else []


def constants(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Each constant of a module as the registry names it, and whether there is a word about it."""
    for node, told in documented(tree.body):
        for name in assigned(node):
            yield name, told
        if isinstance(node, ast.ClassDef) and DATACLASS.search(node.name):
            words = ast.get_docstring(node) or ""
            for field, said in documented(node.body):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    name = field.target.id
                    yield name, said or re.search(rf"^[\w, ]*\b{name}\b[\w, ]* : ", words, re.MULTILINE) is not None


def documented(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, bool]]:
    """Statements and whether a string follows them, or the group of assignments that they are in."""
    for place, node in enumerate(body):
        rest = iter(body[place:])
        after = next((later for later in rest if not isinstance(later, ast.Assign | ast.AnnAssign)), None)
        adjacent = after is not None and all(
            later.lineno - earlier.end_lineno <= 1
            for earlier, later in zip(body[place:], body[place + 1 : body.index(after) + 1], strict=False)
        )
        text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        yield node, adjacent and text


def found() -> dict[str, bool]:
    """Each ``owner.name`` in the algorithm's packages, and whether there is a reason beside it."""
    every = {f"{owner(path)}.{name}": told for path in modules() for name, told in constants(syntax(path))}
    return {name: told for name, told in every.items() if name not in NOT_CONSTANTS}


def record() -> Recorded:
    return recorded(RegistrationConstants())


def test_no_constant_is_outside_the_registry() -> None:
    known = record()
    missing = []
    for name in found():
        module, _, constant = name.rpartition(".")
        recorded_names = known.get(module, {})
        key = constant.strip("_").lower()
        if key not in recorded_names and not any(part.startswith("axis_") for part in recorded_names):
            missing.append(name)
    assert len(found()) > 110
    assert missing == []


def test_every_constant_has_a_reason() -> None:
    assert [name for name, told in found().items() if not told] == []


def test_the_registry_names_nothing_that_is_gone() -> None:
    present = {name.rpartition(".")[0] for name in found()}
    assert {owner.name for owner in OWNERS} <= present
    assert all(values for values in record().values())


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("imaging", "pitch_mm", 0.834),
        ("detection", "least_confidence", 0.35),
        ("detection", "freedom", 4.0),
        ("registration", "attenuation_per_mm", 0.036),
        ("registration", "trust_limits", "0.05-2.0"),
        ("measurement", "axis_pedicles", 1.0),
        ("mirrored", "lat", 53.0),
        ("quality", "neighbour_mm", "25.0-48.0"),
        ("detection.decode", "window", 2),
        ("refusal.laterality_landmarks", "freedom", 4.0),
        ("registration.rough_fits", "stages", "8x/12/8; 4x/12/4"),
        ("registration.bobyqa", "bound_deg", "15.0-15.0-30.0"),
        ("geometry.calibration", "source_to_patient_mm", 250.0),
        ("measurement.points", "central_vertices", 12),
        ("registration.refit", "hand_sigma_mm", 0.7),
    ],
)
def test_old_names_and_owners(group: str, name: str, value: float | str) -> None:
    assert record()[group][name] == value


def test_groups_of_the_first_version_are_there() -> None:
    assert GROUPS.keys() == {"imaging", "detection", "registration", "measurement", "mirrored", "quality"}
    assert record().keys() == {owner.name for owner in OWNERS} | GROUPS.keys()


def test_the_fit_records_what_it_runs_with() -> None:
    constants = replace(RegistrationConstants(), stages=(FitStage(4, 2, 1),), damping=0.5)
    for group in ("registration", "registration.constants"):
        assert recorded(constants)[group]["stages"] == "4x/2/1"
        assert recorded(constants)[group]["damping"] == 0.5


def test_a_result_can_hold_them() -> None:
    held = ReconstructionResult.model_fields["constants"]
    assert held.annotation is not None
    for values in record().values():
        assert all(isinstance(value, float | int | str | bool) for value in values.values())


def test_the_search_sees_constants_and_reasons() -> None:
    source = (
        'A, B = 1.0, (2, 3)\n"""Why."""\nC = -2.0\nD = 5\n\n"""Of nothing."""\nE = np.eye(3)\nX = {"a": 1.5}\n"""Y."""'
    )
    assert list(constants(ast.parse(source))) == [("A", True), ("B", True), ("C", False), ("D", False), ("X", True)]
