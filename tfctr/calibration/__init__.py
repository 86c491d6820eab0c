"""Calibration: from logits to logits whose probabilities are what is observed."""

from tfctr.calibration.curve import Curve
from tfctr.calibration.curves import isotonic_curve, platt_curve, prior_curve
from tfctr.calibration.fitting import METHODS, calibrate, check_slices

__all__ = [
    "METHODS",
    "Curve",
    "calibrate",
    "check_slices",
    "isotonic_curve",
    "platt_curve",
    "prior_curve",
]
