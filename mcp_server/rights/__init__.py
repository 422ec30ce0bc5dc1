"""Who sends a call, which repositories they may know of, and what is recorded of it."""
