"""When a tuned model may serve, what is recorded of it, and how it is undone."""
