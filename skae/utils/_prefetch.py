"""Work ahead in a thread: what comes next is read while what came before is used."""

import contextvars
import threading
from queue import SimpleQueue

from sklearn import config_context, get_config

_END = object()


def prefetched(iterable, depth=2):
    """Yield the items of an iterable that a background thread reads ahead.

    The thread starts with the first item asked for, and ends when the iterable does or when the
    generator is closed (``contextlib.closing`` does so when a loop is left early; it waits for the
    item being read at that moment). The settings of the caller hold in the thread: context
    variables and scikit-learn's ``config_context``.

    Parameters
    ----------
    iterable : iterable
        Iterated over, and closed where it is a generator, in the thread only.
    depth : int, default=2
        Items that are read or being read and not asked for yet, at most.

    Yields
    ------
    object
        The items, in order.

    Raises
    ------
    BaseException
        What the iterable raised, with its traceback, after the items that came before.

    Examples
    --------
    >>> from skae.utils import prefetched
    >>> list(prefetched(range(3)))
    [0, 1, 2]
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth!r}.")
    reader = _Reader(iterable, depth)
    reader.start()
    try:
        while True:
            item, error = reader.take()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
            del item  # else it lives on while the next one is waited for
    finally:
        reader.stop()


class _Reader:
    """The thread, its queue, and the free places in it."""

    def __init__(self, iterable, depth):
        self._iterable = iterable
        self._items = SimpleQueue()
        self._free = threading.Semaphore(depth)
        self._stopped = False
        # A daemon: a consumer that was interrupted and never closed must not keep Python from
        # exiting.
        self._thread = threading.Thread(
            target=contextvars.copy_context().run,
            args=(self._run, get_config()),
            name="skae-prefetch",
            daemon=True,
        )

    def start(self):
        self._thread.start()

    def take(self):
        """Wait for the next item; return it with None, or None with an error."""
        pair = self._items.get()
        self._free.release()
        return pair

    def stop(self):
        """End the thread after the item that it is reading, and wait for that."""
        self._stopped = True
        self._free.release()  # it may be waiting for a place
        self._thread.join()

    def _run(self, config):
        try:
            with config_context(**config):
                self._read()
        except BaseException as error:  # the consumer's to handle, whatever it is
            self._items.put((None, error))
        else:
            self._items.put((_END, None))

    def _read(self):
        iterator = iter(self._iterable)
        try:
            while self._may_read():
                item = next(iterator, _END)
                if item is _END:
                    return
                self._items.put((item, None))
                del item  # the queue's and the consumer's alone
        finally:
            if hasattr(iterator, "close"):
                iterator.close()

    def _may_read(self):
        self._free.acquire()
        return not self._stopped
