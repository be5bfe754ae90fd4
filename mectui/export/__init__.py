"""What leaves the screen as a file: Markdown, text, pictures."""
