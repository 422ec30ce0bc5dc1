"""Ray warns about itself when it is imported, and here a warning is an error."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ray.serve  # noqa: F401 - imported for what follows
