"""How an evaluation or a learning is shown on one HTML page that opens offline."""
