"""What each construct of the language, and each callable that is known, does to a state."""
