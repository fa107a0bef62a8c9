"""Run every benchmark and write what they print to `results.md` beside this file (`make bench`).

Takes about three hours on two idle cores; --quick takes some minutes and writes nothing.

    python docs/benchmarks/run_all.py [--quick] [--only NAME ...]
"""

import argparse
import ast
import os
import platform
import subprocess
import sys
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SCRIPTS = (
    "fit_speed",
    "fit_times",
    "score_speed",
    "pca_start",
    "memmap_fit",
    "parquet_fit",
    "scaling",
    "import_time",
    "pca_ratio",
    "threshold",
    "imputation",
    "log_likelihood",
    "cubature",
    "quantisation",
    "disentanglement",
    "dimension_reduction",
    "neighbor_maps",
    "variants",
    "denoising",
    "images",
    "cyclegan",
    "generation",
    "pretraining",
    "adbench",
    "detector_speed",
    "batched_members",
    "n_components_auto",
)
PACKAGES = ("skae", "torch", "scikit-learn", "skorch", "numpy", "pyod")


def run(name, options):
    """Run a script, showing what it prints; return that as a list of lines."""
    command = [sys.executable, "-u", str(FOLDER / f"{name}.py"), *options]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        sys.exit(f"{name}.py failed with exit status {process.returncode}")
    return lines


def section(name, options):
    """Run a script; return its section of the page."""
    docstring = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text()))
    print(f"\n## {name}\n", flush=True)
    return f"## {name}\n\n{docstring.splitlines()[0]}\n\n{''.join(run(name, options))}\n"


def machine():
    """Say where and when this was measured."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = models[0].split(": ", 1)[1] if models else cpu
    versions = ", ".join(f"{package} {installed(package)}" for package in PACKAGES)
    return (
        f"{date.today()}, {os.cpu_count()} cores of {cpu}, "
        f"load {os.getloadavg()[0]:.1f} at the start. "
        f"Python {platform.python_version()}, {versions}."
    )


def installed(package):
    """Return the version of a package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def main():
    """Run the scripts; write the page once all are through."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="does all of it run?")
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=SCRIPTS, metavar="NAME")
    args = parser.parse_args()
    where = machine()
    print(where)
    options = ["--quick"] if args.quick else []
    sections = [section(name, options) for name in args.only]
    if args.quick or len(sections) < len(SCRIPTS):
        return  # only a whole run is worth keeping
    page = f"# Results\n\nWritten by `make bench`: {where}\n\n" + "\n".join(sections)
    (FOLDER / "results.md").write_text(page)


if __name__ == "__main__":
    main()
