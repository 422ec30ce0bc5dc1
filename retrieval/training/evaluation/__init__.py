"""How good a ranking is, on questions that nothing was learned from, and how that is shown."""
