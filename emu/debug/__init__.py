"""What debuggers ask for: events, symbols."""
