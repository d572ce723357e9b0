"""The commands of `asyncwait`, one module each, with a function `run`: from arguments to status."""
