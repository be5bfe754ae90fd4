"""Errors meant for people: each says what is wrong, where, and what to try."""

from __future__ import annotations


class EmuError(Exception):
    """Base of every error a user can cause; its text is one plain sentence. Anything else is a bug of ours."""


class LoadError(EmuError):
    """A guest image cannot be loaded."""


class ConfigurationError(EmuError):
    """A machine was asked for that cannot be built."""


class UnknownRegisterError(EmuError, KeyError):
    """A register name that the machine does not have."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnwantedError(EmuError):
    """Work was given up because somebody does not want to wait for it: nothing was changed."""


class AddressError(EmuError):
    """A physical address outside RAM was given where RAM is needed."""
