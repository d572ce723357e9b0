"""What one run of a function keeps: where it is, what strikes, what it finds out, what is lost."""
