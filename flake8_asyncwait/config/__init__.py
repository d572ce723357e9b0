"""What the user wants: command line over `pyproject.toml` over default."""
