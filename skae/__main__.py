"""Run the command line with ``python -m skae``."""

from skae.cli import main

raise SystemExit(main())
