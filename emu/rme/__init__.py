"""Realm Management Extension: granule protection."""
