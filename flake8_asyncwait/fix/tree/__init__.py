"""What a fix goes by in a file: where things stand, their names, and how they are laid out."""
