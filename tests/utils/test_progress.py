"""A bar shows what goes by, and changes nothing."""

import numpy as np
import pytest

from skae.utils import progress


@pytest.mark.parametrize("show", [True, False])
@pytest.mark.parametrize("n_rows", [None, 60, 0])
def test_the_blocks_go_by_as_they_are(show, n_rows, capsys):
    blocks = [np.zeros((20, 2)) for _ in range(3)]
    seen = list(progress(blocks, n_rows, "reading", show))
    assert all(block is expected for block, expected in zip(seen, blocks, strict=True))
    assert capsys.readouterr().out == ""


def test_the_bar_tells_rows_and_what_is_done_on_stderr(capsys):
    list(progress(["a" * 2000, "b" * 1000], 3000, "reading", show=True))
    shown = capsys.readouterr().err
    assert "reading" in shown
    assert "/3.00k" in shown
    assert "rows/s" in shown
    assert shown.endswith("\r")  # wiped when it is over


def test_nothing_is_shown_unasked(capsys):
    list(progress(["abc"], 3, "reading", show=False))
    assert capsys.readouterr().err == ""


def test_rows_are_counted_as_asked(monkeypatch):
    from tqdm import tqdm

    counts = []
    monkeypatch.setattr(tqdm, "update", lambda bar, n: counts.append(n))
    blocks = [([0, 1], "ab"), ([2], "c")]
    list(progress(blocks, 3, "", show=True, count=lambda block: len(block[0])))
    assert counts == [2, 1]


@pytest.mark.parametrize("show", [True, False])
def test_a_bar_that_is_left_early_is_closed_and_so_is_what_it_reads(show, capsys):
    closed = []

    def blocks():
        try:
            yield from ["ab", "cd"]
        finally:
            closed.append(True)

    bar = progress(blocks(), 4, "reading", show)
    next(bar)
    bar.close()
    assert closed == [True]
