"""How the command line looks and behaves where a person sits at a terminal."""
