"""Pieces of screens that are no panes: header, footer, command line."""
