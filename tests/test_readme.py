"""The examples of the README run as they stand there."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _examples():
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    lines = [text.count("\n", 0, match.start()) + 1 for match in BLOCK.finditer(text)]
    return [
        pytest.param(code, line, id=f"line {line}")
        for code, line in zip(BLOCK.findall(text), lines, strict=True)
    ]


EXAMPLES = _examples()


def test_the_readme_has_examples():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize(("code", "line"), EXAMPLES)
def test_each_example_runs_by_itself(code, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # blank lines before it: a traceback names the line of the README
    exec(compile("\n" * line + code, README, "exec"), {"__name__": "__main__"})
