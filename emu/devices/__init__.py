"""Devices and the host services of a bare-metal guest."""
