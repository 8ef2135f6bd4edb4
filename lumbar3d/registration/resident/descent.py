"""Levenberg-Marquardt of all levels in lockstep: what ``optimise.minimise`` branches on, as masks over the levels."""

from __future__ import annotations

from dataclasses import dataclass

from lumbar3d.arrays import Places
from lumbar3d.errors import RegistrationError
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.optimise import FINE_PX
from lumbar3d.registration.resident.device import DeviceArray
from lumbar3d.registration.resident.poses import Poses, capped
from lumbar3d.registration.resident.spine import Factors, Spine

RUNNING, FAILED = 1, 2
"""Bits of the flag that the host reads."""


@dataclass(frozen=True, eq=False)
class State:
    """Where the levels are; all arrays stay where they are while a stage runs.

    Attributes
    ----------
    best : Poses
    cost, least, damping : (L,) float64
        Cost there, by how much the next step must lower it, and Levenberg's damping.
    iterations, evaluations : (L,) int64
    running, accepted : (L,) bool
        Not at an end; moved by the last step.
    hessian : (L, P, P) float64
    gradient, step : (L, P) float64
    flag : (1,) int64
    """

    best: Poses
    cost: DeviceArray
    least: DeviceArray
    damping: DeviceArray
    iterations: DeviceArray
    evaluations: DeviceArray
    running: DeviceArray
    accepted: DeviceArray
    hessian: DeviceArray
    gradient: DeviceArray
    step: DeviceArray
    flag: DeviceArray


@dataclass(frozen=True, eq=False)
class Descent:
    """One stage of the pyramid; ``tolerance`` is the relative decrease below which a level stops."""

    spine: Spine
    constants: RegistrationConstants
    iterations: int
    tolerance: float
    state: State
    found: Factors

    def run(self) -> Places:
        """Move the poses to their ends; the evaluations (L,) that each level took.

        Raises
        ------
        RegistrationError
            A cost is not finite, the normal equations cannot be solved, or a surface reaches an X-ray source.
        """
        state, device = self.state, self.spine.device
        advance = device.repeated(self.advance)
        while int(device.fetch(state.flag)[0]) == RUNNING:
            state.step[...] = device.solve(self._damped(), -state.gradient)
            advance()
            accepted = state.accepted[:, None, None]
            state.hessian[...] = device.xp.where(accepted, self.spine.hessian(self.found), state.hessian)
        if int(device.fetch(state.flag)[0]) & FAILED:
            raise RegistrationError("a level's fit left the room or has no finite cost")
        return device.fetch(state.evaluations)

    def _damped(self) -> DeviceArray:
        """Normal equations with Levenberg's diagonal."""
        xp, hessian = self.spine.device.xp, self.state.hessian
        unit = xp.eye(hessian.shape[1])
        return hessian * (1.0 + self.state.damping[:, None, None] * unit)

    def advance(self) -> None:
        """Try each level's step, keep it where the cost falls, linearise there; nothing is read by the host."""
        xp, state, constants = self.spine.device.xp, self.state, self.constants
        step = capped(xp, state.step, constants)
        bent = (state.hessian * step[:, None, :]).sum(axis=-1)
        promised = -(state.gradient * step).sum(axis=-1) - 0.5 * (step * bent).sum(axis=-1)
        running = state.running & (promised > state.least / 2)
        trial = self.spine.evaluate(
            state.best.moved(xp.where(running[:, None], step, 0.0), constants.coefficient_limit_sd)
        )
        sound = xp.isfinite(trial.cost) & trial.in_front
        accepted = running & sound & (trial.cost < state.cost)
        enough = accepted & (state.cost - trial.cost >= state.least)
        state.evaluations[...] += running
        state.iterations[...] += accepted
        lowered = xp.maximum(state.damping / constants.damping_down, constants.damping)
        state.damping[...] = xp.where(accepted, lowered, state.damping * constants.damping_up)
        state.best.take(trial.poses, accepted)
        state.cost[...] = xp.where(accepted, trial.cost, state.cost)
        state.least[...] = self.tolerance * state.cost
        state.accepted[...] = accepted
        state.running[...] = running & (~accepted | (enough & (state.iterations < self.iterations)))
        state.flag[...] = RUNNING * state.running.any() + FAILED * (running & ~sound).any()
        self.spine.linearise(trial, self.found)
        state.gradient[...] = xp.where(accepted[:, None], self.found.gradient, state.gradient)


def descent(spine: Spine, start: Poses, iterations: int, constants: RegistrationConstants) -> Descent:
    """A stage at its start.

    Raises
    ------
    RegistrationError
        The cost at the start is not finite, or a surface reaches an X-ray source.
    """
    xp, found = spine.device.xp, spine.factors()
    at = spine.evaluate(start)
    spine.linearise(at, found)
    sound = xp.isfinite(at.cost) & at.in_front
    tolerance = constants.relative_decrease * (spine.images.regions.factor / FINE_PX) ** 2
    ones = xp.ones(len(at.cost), dtype=xp.int64)
    state = State(
        best=start,
        cost=at.cost,
        least=tolerance * at.cost,
        damping=constants.damping * xp.ones(len(at.cost)),
        iterations=0 * ones,
        evaluations=ones,
        running=ones > 0,
        accepted=ones > 0,
        hessian=spine.hessian(found),
        gradient=found.gradient + 0.0,
        step=xp.zeros_like(found.gradient),
        flag=(RUNNING * sound.all() + FAILED * (~sound).any()).reshape(1).astype(xp.int64),
    )
    return Descent(spine, constants, iterations, tolerance, state, found)
