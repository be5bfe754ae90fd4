"""Whole screens: start, debugger, help."""
