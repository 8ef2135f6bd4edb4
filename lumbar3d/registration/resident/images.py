"""Image term of all levels and views; the formulas are ``registration.image_term``'s."""

from __future__ import annotations

from dataclasses import dataclass

from lumbar3d.drr.attenuation import MU_PER_MM
from lumbar3d.registration.resident.device import Device, DeviceArray
from lumbar3d.registration.resident.regions import Regions
from lumbar3d.registration.resident.surfaces import Surfaces
from lumbar3d.registration.resident.views import Seen


@dataclass(frozen=True, eq=False)
class Comparison:
    """Renderings compared with what was detected.

    Attributes
    ----------
    cost : (L, V) float64
    gain : (L, V) float64
    residual : (L, V, rows, columns) float32
        gain x model - target; meaningless outside a region.
    transmission : (L, V, render rows, render columns) float32
    """

    cost: DeviceArray
    gain: DeviceArray
    residual: DeviceArray
    transmission: DeviceArray


@dataclass(frozen=True, eq=False)
class Images:
    """Regions of a stage and the surfaces that are drawn into them."""

    device: Device
    surfaces: Surfaces
    regions: Regions

    def compare(self, seen: Seen) -> Comparison:
        """Render, blur, scale and subtract."""
        xp, here = self.device.xp, self.regions
        lengths = self._depths(seen) * here.ray_factor
        transmission = xp.exp(-MU_PER_MM * lengths)
        model = here.model_image(-xp.expm1(-MU_PER_MM * lengths))
        gain = self._gain(model)
        residual = self._residual(model, gain)
        loss = xp.sqrt(residual**2 + here.constants.robust_delta**2) - here.constants.robust_delta
        return Comparison(_total(xp, here.weight * loss), gain, residual, transmission)

    def _depths(self, seen: Seen) -> DeviceArray:
        """Signed depths on the canvases, mm, (L, V, render rows, render columns)."""
        xp, canvas = self.device.xp, self.regions.rendered
        z_ref = seen.depth_mm.mean(axis=-1)
        pixels = self.regions.on_grid(seen.pixels, self.regions.render_step)
        s = 1.0 - z_ref[..., None] / seen.depth_mm
        weight = seen.edge_weight / seen.edge_weight.mean(axis=-1)[..., None]
        uvsw = xp.stack([pixels[..., 0], pixels[..., 1], s, weight], axis=-1).astype(xp.float32)
        image = xp.zeros((*z_ref.shape, canvas.rows, canvas.columns), dtype=xp.float32)
        self.device.draw(
            uvsw.reshape(-1, 4),
            self.surfaces.drawn,
            self.surfaces.owner,
            z_ref.astype(xp.float32).reshape(-1),
            image.reshape(-1, canvas.rows, canvas.columns),
        )
        return image

    def _gain(self, model: DeviceArray) -> DeviceArray:
        """Robust least-squares scales (L, V) of the model images."""
        xp, here = self.device.xp, self.regions
        low, high = here.constants.gain_limits
        gain = xp.ones(model.shape[:2])
        for _ in range(here.constants.gain_rounds):
            weighted = here.weight / self._stretched(self._residual(model, gain)) * model
            power, pull = _total(xp, weighted * model), _total(xp, weighted * here.target)
            seen = power > 0.0
            gain = xp.where(seen, pull / xp.where(seen, power, 1.0), 1.0)
            gain = xp.minimum(xp.maximum(gain, low), high)
        return gain

    def _residual(self, model: DeviceArray, gain: DeviceArray) -> DeviceArray:
        return gain.astype(model.dtype)[..., None, None] * model - self.regions.target

    def _stretched(self, residual: DeviceArray) -> DeviceArray:
        return self.device.xp.hypot(residual, self.device.xp.float32(self.regions.constants.robust_delta))

    def curvature_weight(self, found: Comparison) -> DeviceArray:
        """Weight of a squared residual that has the robust loss's slope."""
        return self.regions.weight / self._stretched(found.residual)

    def noise_weight(self, found: Comparison) -> DeviceArray:
        """Inverse variance of a pixel's residual."""
        here = self.regions
        variance = self.noise(found) ** 2 * here.constants.noise_correlation_px2
        return here.inside * (here.factor**2 / variance).astype(here.inside.dtype)[..., None, None]

    def noise(self, found: Comparison) -> DeviceArray:
        """RMS residuals (L, V) in opacity where a vertebra or its detection is; 1 where neither is."""
        xp, here = self.device.xp, self.regions
        either = xp.maximum(found.residual + here.target, here.target) > here.constants.silhouette_opacity
        shown = here.inside * either
        pixels = _total(xp, shown)
        mean = _total(xp, shown * found.residual**2) / xp.maximum(pixels, 1.0)
        return xp.maximum(xp.where(pixels > 0.0, xp.sqrt(mean), 1.0), here.constants.noise_floor)

    def vertex_scale(self, seen: Seen, found: Comparison) -> DeviceArray:
        """d(opacity x px^2) per mm^3 of flux at each vertex, (L, V, v) float32."""
        here = self.regions
        at = here.on_grid(seen.pixels, here.render_step)
        shown = here.rendered.sampled(found.transmission, at)
        return (seen.density * (found.gain * MU_PER_MM)[..., None] * shown).astype(shown.dtype)

    def vertex_pull(self, seen: Seen, found: Comparison, pixel_weight: DeviceArray) -> DeviceArray:
        """D cost per unit of ``vertex_scale`` deposited at each vertex, (L, V, v) float32."""
        here = self.regions
        slope = here.blurred_slope(pixel_weight * found.residual / here.factor**2)
        return here.compared.sampled(slope, here.on_grid(seen.pixels, here.factor))

    def deposit(
        self, seen: Seen, motion: DeviceArray, scale: DeviceArray, pixel_weight: DeviceArray, columns: DeviceArray
    ) -> None:
        """Columns (L, V, cells, P) of the Jacobian, whose product with themselves is the Hessian."""
        xp, here = self.device.xp, self.regions
        pixels = here.on_grid(seen.pixels, here.cell).astype(xp.float32)
        columns[...] = 0.0
        self.device.deposit(motion, scale, pixels, here.cell_factor(pixel_weight), columns)

    def new_columns(self, parameters: int) -> DeviceArray:
        """Room for ``deposit``."""
        levels, seen, rows, columns = self.regions.target.shape
        share = self.regions.cell // self.regions.factor
        cells = (rows // share) * (columns // share)
        return self.device.xp.empty((levels, seen, cells, parameters), dtype=self.device.xp.float32)


def _total(xp: DeviceArray, images: DeviceArray) -> DeviceArray:
    """Sum of each image in double precision."""
    return images.sum(axis=(2, 3), dtype=xp.float64)
