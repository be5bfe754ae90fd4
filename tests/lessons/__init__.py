"""Lessons: their format, their conditions, every one carried out, and one played with keys."""
