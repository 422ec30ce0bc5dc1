"""When a tuned model may serve, what is recorded about it, and how a promotion is rolled back."""
