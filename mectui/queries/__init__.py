"""Questions to the machine: each gives an immutable view model. The only door between mectui and emu."""
