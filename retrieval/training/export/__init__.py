"""How a tuned model is exported to the int8 graph that the server runs, and restored as a CrossEncoder."""
