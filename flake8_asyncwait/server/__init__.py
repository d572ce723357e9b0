"""The language server: the same findings and cures, while somebody types."""
