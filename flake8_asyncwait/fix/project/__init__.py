"""What a fix asks of the project around a file: its imports, its style, and where `wait_any` is."""
