"""Floating point on bit patterns: formats, rounding, NaNs, flags (Arm ARM, shared/functions/float)."""
