"""How a tuned model becomes the int8 graph that serves, and a CrossEncoder folder again."""
