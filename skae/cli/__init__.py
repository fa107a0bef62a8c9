"""The command line: ``skae detect`` finds anomalies in a table."""

from skae.cli._main import main

__all__ = ["main"]
