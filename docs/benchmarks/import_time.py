"""Time to import skae once torch, scikit-learn and skorch are imported.

python docs/benchmarks/import_time.py [--quick]
"""

import subprocess
import sys

import _timing

CODE = """
import time, torch, sklearn, skorch
start = time.perf_counter()
from skae import AutoEncoder
print(time.perf_counter() - start)
"""


def import_seconds():
    """Import in a fresh process."""
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    return float(done.stdout)


def measure(quick):
    """Print the row of the table."""
    seconds = _timing.interleaved({"skae": import_seconds}, rounds=2 if quick else 9)["skae"]
    _timing.report("import skae, above torch + sklearn + skorch", seconds, "≤ 0.1 s", " s")


if __name__ == "__main__":
    _timing.main(measure, __doc__, thread_counts=[1])
