"""How good a ranking is, measured on questions held out of training, and how the result is shown."""
