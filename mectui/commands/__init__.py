"""Headless commands: one file each. stdout is data, stderr is talk."""
