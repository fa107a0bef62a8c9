"""The command line: ``skae detect`` finds anomalies, ``skae impute`` fills missing cells."""

from skae.cli._main import main

__all__ = ["main"]
