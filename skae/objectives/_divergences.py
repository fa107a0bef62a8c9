"""How far the codes of a batch are, taken together, from independent or standard normal ones."""

import torch
from torch import Tensor
from torch.distributions import Normal

# Kernel widths: multiples of half the expected squared distance of two draws of the prior.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# Each row is compared with so many of its batch at most, or large batches would need its square.
MOST_PARTNERS = 256


def row_shares(weight: Tensor | None, codes: Tensor) -> Tensor:
    """Shares of the rows of a batch in what is estimated from it.

    Parameters
    ----------
    weight : Tensor of shape (n_samples,) or None
        Weights of the rows.
    codes : Tensor of shape (n_samples, n_components)
        Their codes.

    Returns
    -------
    Tensor of shape (n_samples,)
        They sum to 1. Equal, if no row has a weight.
    """
    equal = codes.new_full((len(codes),), 1 / max(len(codes), 1))
    if weight is None:
        return equal
    weight = weight.to(codes.dtype)
    total = weight.sum()
    return torch.where(total > 0, weight / total.clamp(min=torch.finfo(total.dtype).tiny), equal)


def normal_discrepancy(codes: Tensor, shares: Tensor) -> Tensor:
    r"""Squared maximum mean discrepancy of codes from the standard normal distribution.

    .. math:: \mathbb E_{x \ne x'} k(x, x') - 2\, \mathbb E_{x, z} k(x, z)
        + \mathbb E_{z, z'} k(z, z'), \qquad z, z' \sim \mathcal N(0, I)

    The kernel is the mean over scales of :math:`\exp(-\|x - y\|^2 / 2 h)`, :math:`h = d s`, so that
    the expectations over the normal distribution have closed forms: nothing is drawn.

    Parameters
    ----------
    codes : Tensor of shape (n_samples, d)
        A sample.
    shares : Tensor of shape (n_samples,)
        Of the rows; see :func:`row_shares`.

    Returns
    -------
    Tensor of shape ()
        0 on average over samples of the standard normal distribution; a value may be negative.

    References
    ----------
    Gretton et al., "A Kernel Two-Sample Test", JMLR 2012, equation 2; a mixture of widths in the
    place of the one of Tolstikhin et al., "Wasserstein Auto-Encoders", ICLR 2018, section 4.
    """
    partners, d = codes[:MOST_PARTNERS], codes.shape[1]
    pair_shares = _without_own(shares[:, None] * shares[: len(partners)])
    pair_shares = pair_shares / pair_shares.sum().clamp(min=torch.finfo(shares.dtype).tiny)
    distances = squared_distances(codes, partners)
    norms = codes.square().sum(dim=1, keepdim=True)
    h = d * codes.new_tensor(SCALES)
    kernel = sum(torch.exp(distances * (-0.5 / (d * scale))) for scale in SCALES) / len(SCALES)
    within = (pair_shares * kernel).sum()
    across = shares @ torch.exp(-norms / (2 * (h + 1))) * (1 + 1 / h) ** (-d / 2)
    of_prior = (1 + 2 / h) ** (-d / 2)
    return within + (of_prior - 2 * across).mean()


def _without_own(pairs: Tensor) -> Tensor:
    """Pairs (n_samples, n_partners), 0 for a row and itself."""
    return pairs * (1 - torch.eye(*pairs.shape, dtype=pairs.dtype, device=pairs.device))


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """Between rows (n, d) and (m, d), as (n, m)."""
    # not by cdist: its gradient where two rows are equal is not finite
    squares = first.square().sum(dim=1)[:, None] + second.square().sum(dim=1)
    return (squares - 2 * first @ second.T).clamp(min=0)


def total_correlation(code: Tensor, posterior: Normal, shares: Tensor) -> Tensor:
    r"""Estimate how far codes are from independent: :math:`\log q(z) - \sum_j \log q(z_j)`.

    The aggregate :math:`q(z)` is the mixture of the distributions of the rows of the batch. It is
    the estimate by minibatch weights of the paper, but for a constant, which training does not see.

    Parameters
    ----------
    code : Tensor of shape (n_samples, n_components)
        A draw from each distribution.
    posterior : Normal
        Distributions of the codes of the rows, of batch shape (n_samples, n_components).
    shares : Tensor of shape (n_samples,)
        Of the rows; see :func:`row_shares`.

    Returns
    -------
    Tensor of shape (n_samples,)
        Nats; the mean over rows is the estimate. Too low where the batch has few rows.

    References
    ----------
    Chen et al., "Isolating Sources of Disentanglement in Variational Autoencoders", NeurIPS 2018,
    equation 3 and appendix C.1.
    """
    partners = slice(MOST_PARTNERS)
    mixture = Normal(posterior.loc[partners], posterior.scale[partners], validate_args=False)
    densities = mixture.log_prob(code[:, None])  # (n_samples, n_partners, n_components)
    tiny = torch.finfo(shares.dtype).tiny  # the logarithm of a share of 0 has no gradient
    of_partners = shares[partners].clamp(min=tiny)
    log_shares = (of_partners / of_partners.sum()).log()
    joint = torch.logsumexp(densities.sum(dim=2) + log_shares, dim=1)
    return joint - torch.logsumexp(densities + log_shares[:, None], dim=1).sum(dim=1)
