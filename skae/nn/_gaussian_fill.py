"""Missing values as a normal distribution expects them."""

import torch
from torch import Tensor, nn

# Each is a product with the covariance; the error of more than these is below what a network mends.
N_ITERATIONS = 6
SMALLEST_CURVATURE = 1e-12


class GaussianFill(nn.Module):
    r"""Missing values replaced by their expectation given those that are there.

    That of rows from :math:`N(\mu, \Sigma)` is
    :math:`\mu_m + \Sigma_{mo} \Sigma_{oo}^{-1} (x_o - \mu_o)`, `o` the values of a row that are
    there and `m` those that are missing. The equations of all rows are solved at once by conjugate
    gradients.

    Parameters
    ----------
    mean : Tensor of shape (n_values,)
        :math:`\mu`.
    covariance : Tensor of shape (n_values, n_values)
        :math:`\Sigma`, positive definite.

    References
    ----------
    Hestenes & Stiefel, "Methods of Conjugate Gradients for Solving Linear Systems", 1952.
    """

    mean: Tensor
    scale: Tensor
    correlation: Tensor

    def __init__(self, mean: Tensor, covariance: Tensor):
        super().__init__()
        # Of values divided by their deviations: then units make no difference to a solution that
        # is not quite one, and fewer iterations are needed.
        scale = torch.diagonal(covariance).sqrt()
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        correlation = covariance / scale[:, None] / scale
        self.register_buffer("correlation", correlation, persistent=False)

    @torch.no_grad()
    def forward(self, values: Tensor, missing: Tensor) -> Tensor:
        """Fill missing values.

        Parameters
        ----------
        values : Tensor of shape (n_samples, n_values)
            Rows.
        missing : Tensor of bool of shape (n_samples, n_values)
            Which values to fill, whatever stands there.

        Returns
        -------
        Tensor of shape (n_samples, n_values)
            Rows without missing values; the others stay as they are.
        """
        present = (~missing).to(values.dtype)
        residual = ((values - self.mean) / self.scale).masked_fill_(missing, 0.0)
        # Solve correlation[o, o] @ solution[o] = residual[o]; solution[m] stays zero.
        solution, direction = torch.zeros_like(residual), residual
        norm = residual.square().sum(1, keepdim=True)
        for _ in range(N_ITERATIONS):
            image = (direction @ self.correlation).mul_(present)
            curvature = (direction * image).sum(1, keepdim=True).clamp_(min=SMALLEST_CURVATURE)
            step = norm / curvature
            solution = torch.addcmul(solution, step, direction)
            residual = torch.addcmul(residual, step, image, value=-1)
            before, norm = norm, residual.square().sum(1, keepdim=True)
            ratio = norm / before.clamp(min=SMALLEST_CURVATURE)
            direction = torch.addcmul(residual, ratio, direction)
        expected = self.mean + self.scale * (solution @ self.correlation)
        return torch.where(missing, expected, values)

    @property
    def covariance(self) -> Tensor:
        """Covariance of the values, (n_values, n_values)."""
        return self.correlation * self.scale[:, None] * self.scale

    def moved(self, scale: Tensor, shift: Tensor) -> "GaussianFill":
        """Return the same distribution in other units.

        Parameters
        ----------
        scale, shift : Tensor of shape (n_values,)
            ``x_old = scale * x_new + shift``.

        Returns
        -------
        GaussianFill
            In the new units.
        """
        return GaussianFill((self.mean - shift) / scale, self.covariance / scale[:, None] / scale)

    def of_columns(self, places: Tensor) -> "GaussianFill":
        """Return the distribution of other columns.

        Parameters
        ----------
        places : Tensor of int of shape (n_values,)
            Where each column stood before; -1 for a new one, which says nothing of the others.

        Returns
        -------
        GaussianFill
            Of these columns.
        """
        known = places >= 0
        mean = self.mean.new_zeros(len(places))
        covariance = torch.eye(len(places)).to(mean)
        mean[known] = self.mean[places[known]]
        old = self.covariance[places[known]][:, places[known]]
        covariance[known[:, None] & known] = old.flatten()
        return GaussianFill(mean, covariance)
