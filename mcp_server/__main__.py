"""`python -m mcp_server` is the `goldrank` command.

In a folder that has an `mcp_server` of its own, Python runs that one instead: use `goldrank`.
"""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working folder, which -m puts before everything
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - as the launcher
    if here not in sys.path:
        sys.path.append(here)
    from goldrank_launcher import main

    main()
