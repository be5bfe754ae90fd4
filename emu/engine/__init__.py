"""Engines: each supplies the operations that instruction meanings are written in."""
