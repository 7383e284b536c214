"""`python -m tinynet` is the command `tinynet`."""

import sys

from tinynet.cli import main

sys.exit(main())
