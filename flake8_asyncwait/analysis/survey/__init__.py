"""What is clear of a function before it runs: which names matter, which statements do not."""
