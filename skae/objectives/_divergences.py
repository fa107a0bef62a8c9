"""Divergences between two samples, as differentiable terms of a loss."""

import torch

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def maximum_mean_discrepancy(first, second, *, scales=SCALES):
    r"""Unbiased estimate of the squared maximum mean discrepancy.

    The kernel is the inverse multiquadric summed over scales,
    :math:`k(x, y) = \sum_s C_s / (C_s + \|x - y\|^2)` with :math:`C_s = 2 d s`:
    at ``s = 1`` the expected squared distance of two draws of a standard normal prior.

    Parameters
    ----------
    first, second : tensors of shape (n_first, d) and (n_second, d)
        Independent samples, at least two rows each.
    scales : iterable of positive float
        Multiples of the prior's expected squared distance.

    Returns
    -------
    tensor, a scalar without unit
        Its expectation is 0 where both have one distribution; a single value can be negative.

    Raises
    ------
    ValueError
        If a sample has fewer than two rows, for which no unbiased estimate exists.

    References
    ----------
    Tolstikhin et al. (2018), Wasserstein Auto-Encoders, algorithm 2 and section 4.
    Gretton et al. (2012), A Kernel Two-Sample Test, lemma 6.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(
            f"first and second have {len(first)} and {len(second)} rows; an unbiased "
            "maximum mean discrepancy needs at least 2 each: raise batch_size."
        )
    across = _inverse_multiquadric(first, second, scales).mean()
    return _mean_of_pairs(first, scales) + _mean_of_pairs(second, scales) - 2 * across


def _mean_of_pairs(sample, scales):
    kernel = _inverse_multiquadric(sample, sample, scales)
    n = len(sample)
    return (kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))


def _inverse_multiquadric(first, second, scales):
    distances = (first[:, None] - second).square().sum(-1)
    constants = [2 * first.shape[1] * scale for scale in scales]
    return torch.stack([c / (c + distances) for c in constants]).sum(0)
