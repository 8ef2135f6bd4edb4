"""Catalogue of measurements: name, unit and definition in words, by stable code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["mm", "deg", "%", "cm3", "mm2"]


@dataclass(frozen=True)
class Definition:
    """Name, unit and definition by which the number can be compared with another one."""

    name: str
    unit: Unit
    definition: str


_PLATE = "least-squares plane through the rim of the endplate"

CATALOGUE: dict[str, Definition] = {
    "body_height_anterior": Definition(
        "Anterior body height", "mm", "Anterior corner of the upper plate to that of the lower, mid-sagittal plane."
    ),
    "body_height_middle": Definition(
        "Middle body height", "mm", "Middle of the upper plate's surface to that of the lower, along the body's axis."
    ),
    "body_height_posterior": Definition(
        "Posterior body height", "mm", "Posterior corner of the upper plate to that of the lower, mid-sagittal plane."
    ),
    "body_height_left": Definition(
        "Left body height", "mm", "Left corners of the upper and the lower plate, coronal plane of the vertebra."
    ),
    "body_height_right": Definition(
        "Right body height",
        "mm",
        "Right corners of the upper and the lower plate, coronal plane of the vertebra.",
    ),
    "endplate_depth_superior": Definition(
        "Upper endplate depth", "mm", "Anterior to posterior corner of the upper plate, mid-sagittal plane."
    ),
    "endplate_depth_inferior": Definition(
        "Lower endplate depth", "mm", "Anterior to posterior corner of the lower plate, mid-sagittal plane."
    ),
    "endplate_width_superior": Definition(
        "Upper endplate width", "mm", "Greatest extent of the upper plate's rim along the vertebra's left-right axis."
    ),
    "endplate_width_inferior": Definition(
        "Lower endplate width", "mm", "Greatest extent of the lower plate's rim along the vertebra's left-right axis."
    ),
    "endplate_area_superior": Definition(
        "Upper endplate area", "mm2", "Area inside the upper plate's rim, projected on the plate's plane."
    ),
    "endplate_area_inferior": Definition(
        "Lower endplate area", "mm2", "Area inside the lower plate's rim, projected on the plate's plane."
    ),
    "body_wedge_sagittal": Definition(
        "Sagittal wedge of the body",
        "deg",
        f"The two plates in the vertebra's sagittal plane; + = posterior taller. Plate: {_PLATE}.",
    ),
    "body_wedge_coronal": Definition(
        "Coronal wedge of the body",
        "deg",
        "The two plates in the vertebra's coronal plane; + = left taller.",
    ),
    "vertebra_volume": Definition(
        "Vertebra volume", "cm3", "Volume inside the whole surface, posterior elements included."
    ),
    "lateral_tilt": Definition(
        "Lateral tilt", "deg", "Turn about the anterior axis of the room (first of three); + = left side up."
    ),
    "sagittal_tilt": Definition(
        "Sagittal tilt", "deg", "Turn about the left axis (second of three); + = top leans forward."
    ),
    "axial_rotation": Definition(
        "Axial rotation", "deg", "Turn about the vertebra's own axis (last of three); + = front turns to the left."
    ),
    "disc_height_anterior": Definition(
        "Anterior disc height", "mm", "Anterior corners of the facing plates, along the normal of their bisector."
    ),
    "disc_height_middle": Definition(
        "Middle disc height", "mm", "Centres of the facing plates' rims, along the normal of their bisector."
    ),
    "disc_height_posterior": Definition(
        "Posterior disc height",
        "mm",
        "Posterior corners of the facing plates, along the normal of their bisector.",
    ),
    "disc_angle_sagittal": Definition(
        "Sagittal disc angle",
        "deg",
        "Facing plates, sagittal plane of the lower vertebra; + = opens to the front.",
    ),
    "disc_angle_coronal": Definition(
        "Coronal disc angle", "deg", "Facing plates, coronal plane of the lower vertebra; + = opens to the left."
    ),
    "segmental_lordosis": Definition(
        "Segmental lordosis (as on a film)",
        "deg",
        "Upper plates of both vertebrae, projected on the sagittal plane of the room; + = lordosis.",
    ),
    "segmental_lordosis_3d": Definition(
        "Segmental lordosis (3D)",
        "deg",
        "Upper plates of both vertebrae in the sagittal plane of the lower vertebra; + = lordosis.",
    ),
    "slip_sagittal": Definition(
        "Sagittal slip",
        "mm",
        "Posterior lower corner of the upper vertebra against the posterior upper corner of the lower one, along the "
        "lower vertebra's plate; + = forward.",
    ),
    "slip_sagittal_percent": Definition(
        "Sagittal slip, relative", "%", "Sagittal slip over the depth of the plate below."
    ),
    "slip_lateral": Definition(
        "Lateral slip", "mm", "Centres of the facing plates along the lower vertebra's left axis; + = to the left."
    ),
    "axial_rotation_intervertebral": Definition(
        "Axial rotation between vertebrae",
        "deg",
        "Axial rotation of the upper vertebra in the frame of the lower one; + = front turns to the left.",
    ),
    "lumbar_lordosis": Definition(
        "Lumbar lordosis L1-L5",
        "deg",
        "Upper plate of L1 and lower plate of L5, projected on the sagittal plane of the room; + = lordosis.",
    ),
    "lumbar_lordosis_to_l5_superior": Definition(
        "Lumbar lordosis L1 to upper L5",
        "deg",
        "Upper plates of L1 and L5, projected on the sagittal plane of the room; + = lordosis.",
    ),
    "cobb_coronal": Definition(
        "Coronal Cobb angle, largest",
        "deg",
        "Upper plate of one vertebra and lower plate of another below it, projected on the coronal plane of the room; "
        "the pair that differs most; + = convex to the left.",
    ),
    "cobb_coronal_l1_l5": Definition(
        "Coronal Cobb angle L1-L5",
        "deg",
        "Upper plate of L1 and lower plate of L5, projected on the coronal plane of the room; + = convex to the left.",
    ),
    "lumbar_lordosis_to_s1": Definition(
        "Lumbar lordosis L1-S1",
        "deg",
        "Upper plate of L1 and plate of S1, projected on the sagittal plane of the room; + = lordosis.",
    ),
    "lumbar_lordosis_l4_s1": Definition(
        "Lower lumbar lordosis L4-S1",
        "deg",
        "Upper plate of L4 and plate of S1, projected on the sagittal plane of the room; + = lordosis.",
    ),
    "sacral_slope": Definition(
        "Sacral slope",
        "deg",
        "Plate of S1 against the horizontal of the room, as its z axis states it, in its sagittal plane; + = forward.",
    ),
    "pelvic_incidence": Definition(
        "Pelvic incidence",
        "deg",
        "Perpendicular to the plate of S1 at its middle and line from there to the middle between the femoral heads, "
        "projected on the sagittal plane of the room (Legaye 1998); sacral slope plus pelvic tilt.",
    ),
    "pelvic_tilt": Definition(
        "Pelvic tilt",
        "deg",
        "Line from the middle between the femoral heads to the middle of the plate of S1 against the vertical of the "
        "room, in its sagittal plane; + = the hips lie in front of S1.",
    ),
    "pelvic_incidence_less_lordosis": Definition(
        "Pelvic incidence less lordosis (PI-LL)",
        "deg",
        "Pelvic incidence less lumbar lordosis L1-S1; + = less lordosis than goes with the pelvis.",
    ),
    "lumbar_height": Definition("Lumbar height", "mm", "Centre of L1 to centre of L5, straight."),
}
