"""Reading ahead changes when items are made, and nothing else."""

import threading
import time
import traceback

import numpy as np
import pytest
import sklearn

from skae.utils import prefetched


def skae_threads():
    return [thread for thread in threading.enumerate() if thread.name == "skae-prefetch"]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert skae_threads() == []


@pytest.mark.parametrize("n_items", [0, 1, 2, 3, 100])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_items_come_in_order(n_items, depth):
    assert list(prefetched(range(n_items), depth)) == list(range(n_items))
    assert list(prefetched(iter(range(n_items)), depth)) == list(range(n_items))


def test_none_and_exceptions_are_items_like_any_other():
    items = [None, ValueError("an item"), StopIteration()]
    assert list(prefetched(items)) == items


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_no_more_items_wait_than_asked_for(depth):
    made = []

    def items():
        for number in range(20):
            made.append(number)
            yield number

    for taken, _ in enumerate(prefetched(items(), depth), 1):
        time.sleep(0.002)
        assert len(made) <= taken + depth


def test_the_next_item_is_made_meanwhile():
    second_is_made = threading.Event()

    def items():
        yield 1
        second_is_made.set()
        yield 2

    stream = prefetched(items())
    next(stream)
    assert second_is_made.wait(5)
    assert list(stream) == [2]


def test_an_error_comes_after_the_items_before_it_with_its_traceback():
    def items_that_fail():
        yield 1
        raise KeyError("the reason")

    stream = prefetched(items_that_fail())
    assert next(stream) == 1
    with pytest.raises(KeyError, match="the reason") as caught:
        next(stream)
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "items_that_fail" in frames


def test_what_cannot_be_iterated_raises_in_the_consumer():
    with pytest.raises(TypeError, match="not iterable"):
        next(prefetched(7))


@pytest.mark.parametrize("taken", [1, 3])
@pytest.mark.parametrize("depth", [1, 3])
def test_closing_early_closes_the_source_and_ends_the_thread(taken, depth):
    closed = []

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.append(threading.current_thread().name)

    stream = prefetched(endless(), depth)
    for _ in range(taken):
        next(stream)
    time.sleep(0.01)  # the queue is full by now
    start = time.perf_counter()
    stream.close()
    assert time.perf_counter() - start < 1
    assert skae_threads() == []
    assert closed == ["skae-prefetch"]


def test_an_error_of_the_consumer_ends_the_thread():
    with pytest.raises(ZeroDivisionError):
        sum(1 / item for item in prefetched(iter(int, 1)))


def test_a_stream_that_nobody_reads_starts_no_thread():
    stream = prefetched(range(3))
    assert skae_threads() == []
    stream.close()


def test_the_settings_of_the_caller_hold_in_the_thread():
    def settings():
        yield sklearn.get_config()["assume_finite"]
        yield np.geterr()["over"]

    with sklearn.config_context(assume_finite=True), np.errstate(over="raise"):
        assert list(prefetched(settings())) == [True, "raise"]
    assert list(prefetched(settings())) == [False, np.geterr()["over"]]


@pytest.mark.parametrize("depth", [0, -1])
def test_at_least_one_item_is_read_ahead(depth):
    with pytest.raises(ValueError, match="depth must be at least 1"):
        next(prefetched([1], depth))
