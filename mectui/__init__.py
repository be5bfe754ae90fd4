"""A terminal debugger and visualiser for Arm memory encryption contexts, on top of the machine in `emu`."""
