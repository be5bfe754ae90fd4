"""Random instructions on our engines and on other implementations, compared register by register."""
