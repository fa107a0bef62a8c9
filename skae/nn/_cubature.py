"""Few points whose mean stands for an expectation."""

import math
from functools import cache
from itertools import count

import numpy as np
from torch import Tensor
from torch.distributions import Normal


def cubature_points(posterior: Normal) -> Tensor:
    r"""Points whose mean stands for the expectation over a normal distribution.

    Each is :math:`\mu \pm \sigma` in every coordinate, with signs from the columns of a Hadamard
    matrix, so that means of functions of second degree are exact. Nothing is random: the value of a
    row does not depend on draws.

    Parameters
    ----------
    posterior : Normal
        Of batch shape (n_samples, n_components).

    Returns
    -------
    Tensor of shape (n_points, n_samples, n_components)
        `n_points` is the smallest order above `n_components` of which :func:`hadamard_matrix` knows
        a matrix: a multiple of 4, from 4 on.
    """
    n_components = posterior.loc.shape[-1]
    orders = map(hadamard_matrix, count(n_components + 1))
    matrix = next(matrix for matrix in orders if matrix is not None)
    signs = posterior.loc.new_tensor(matrix[:, 1 : n_components + 1])
    return posterior.loc + signs[:, None] * posterior.scale


@cache
def hadamard_matrix(order: int) -> np.ndarray | None:
    """Matrix of 1 and -1 with orthogonal columns, the first of which is constant.

    By Sylvester's doubling, or Paley's construction from the squares modulo a prime.

    Parameters
    ----------
    order : int
        Rows and columns.

    Returns
    -------
    ndarray of shape (order, order) or None
        None where neither way leads to one, as to 28, 36 or 52.

    References
    ----------
    Paley, "On Orthogonal Matrices", Journal of Mathematics and Physics 1933, lemmas 1 and 2.
    """
    if order == 1:
        return np.ones((1, 1))
    half = None if order % 2 else hadamard_matrix(order // 2)
    if half is not None:
        return np.kron([[1, 1], [1, -1]], half)
    return _of_squares(order - 1) if order % 4 == 0 and _is_prime(order - 1) else None


def _of_squares(prime: int) -> np.ndarray:
    """Paley's matrix of order ``prime + 1``, the prime being 3 modulo 4."""
    numbers = np.arange(prime)
    character = np.where(np.isin(numbers, numbers[1:] ** 2 % prime), 1, -1)
    character[0] = 0
    matrix = np.ones((prime + 1, prime + 1))
    matrix[1:, 1:] = character[numbers[:, None] - numbers] - np.eye(prime)
    return matrix


def _is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(2, math.isqrt(number) + 1))
