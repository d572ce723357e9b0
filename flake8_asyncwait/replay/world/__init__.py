"""The world that the code runs in: tasks, waits, what is unknown, and what is decided of them."""
