"""Errors of a training that cannot begin or go on, as a person is told."""

from __future__ import annotations

from lumbar3d.errors import EngineError, InputError


class TrainingStateError(InputError):
    """There is no training state, it was changed, or it is another network's; the message says where and which."""

    code = "invalid_training_state"


class TrainingDivergedError(EngineError):
    """Many steps in a row had gradients that are not finite."""

    code = "training_diverged"
