"""A bar on the terminal while rows go by."""


def progress(blocks, n_rows, description, show, count=len):
    """Yield blocks of rows; a bar on stderr shows how many rows went by, how fast, how long still.

    Parameters
    ----------
    blocks : iterable
        Blocks of rows.
    n_rows : int or None
        Rows in all; without it the bar tells neither the share nor the time left.
    description : str
        What is going on, to the left of the bar.
    show : bool
        Whether to show a bar at all.
    count : callable, default=len
        Gives the number of rows of a block.

    Yields
    ------
    object
        The blocks as they are. A block counts as done when the next one is asked for.

    Examples
    --------
    >>> from skae.utils import progress
    >>> list(progress(["ab", "c"], n_rows=3, description="reading", show=False))
    ['ab', 'c']
    """
    if not show:
        yield from blocks
        return
    from tqdm import tqdm  # brought by skorch

    with tqdm(total=n_rows, desc=description, unit=" rows", unit_scale=True, leave=False) as bar:
        for block in blocks:
            yield block
            bar.update(count(block))
