"""The GDB remote serial protocol: gdb, lldb and IDEs debug the guest through it."""
