"""`python -m medview`."""

import os
import sys

# Python puts the current folder, often that of somebody's pictures, before all others: a `json.py` in it would run.
if not sys.flags.safe_path and sys.path[0] != os.path.dirname(os.path.dirname(os.path.abspath(__file__))):
    del sys.path[0]

from medview.cli.main import main

sys.exit(main())
