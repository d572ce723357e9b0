"""What the code can reach: what is harmless in Python and its library, and nothing else."""
