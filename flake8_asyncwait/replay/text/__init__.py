"""What is done to the text of a module before it runs: cut down, confined, instrumented."""
