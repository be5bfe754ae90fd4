"""View model + width -> lines of styled text. Knows no Textual; panes, headless commands and tests all use it."""
