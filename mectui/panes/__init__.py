"""The panes of the debugger: each draws one view model, line by line."""
