"""Memory encryption contexts: which MECID an access carries, and what memory does with it."""
