"""Error of the expectation over codes in the score of `VAE`, by the points that stand for it.

A `VAE` of each size, 25 epochs on 70 % of the digits of scikit-learn; the expected negative
log-density of 150 held-out rows by each rule, beside antithetic draws. Every rule is exact for
functions of second degree. Each row of the result is a size and a rule: points, and the root mean
square of the error in nats a row, the error of the draws themselves included.

    python docs/benchmarks/cubature.py [--quick] [--draws N] [--rows N] [--sizes K ...]
"""

import argparse
import warnings

import numpy as np
import torch
from scipy.linalg import hadamard
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skae import VAE
from skae.nn import cubature_points


def powers_of_two(n_components):
    """Signs of the Hadamard matrix of the next power of two, (n_points, n_components)."""
    return hadamard(2 ** n_components.bit_length())[:, 1 : n_components + 1]


def simplex(n_components):
    """Corners of an equiangular simplex by cosines and sines (Xiu, Appl. Numer. Math. 2008)."""
    place = np.arange(n_components + 1)
    angles = 2 * np.pi * np.outer(place, np.arange(1, n_components // 2 + 1)) / len(place)
    columns = [*np.sqrt(2) * np.cos(angles).T, *np.sqrt(2) * np.sin(angles).T]
    return np.column_stack([*columns, *[(-1.0) ** place] * (n_components % 2)])


def draws(n_draws, shape, generator):
    """Yield normal numbers and their opposites."""
    for _ in range(n_draws // 2):
        noise = torch.randn(shape, generator=generator)
        yield from (noise, -noise)


@torch.inference_mode()
def errors(vae, rows, n_draws):
    """Yield names of rules, numbers of points, and root mean square errors."""
    module, likelihood, n_components = vae.module_, vae._likelihood, vae.n_components_
    x = torch.from_numpy(vae._encoder.encode(rows))
    posterior = module.posterior(module.prepare(x))

    def losses(noise):
        codes = posterior.loc + posterior.scale * noise
        return likelihood.neg_log_density(module.decode(codes), x).sum(dim=1).double()

    shape, generator = posterior.loc.shape, torch.Generator().manual_seed(0)
    drawn = torch.stack([losses(noise) for noise in draws(n_draws, shape, generator)])
    pairs = drawn.unflatten(0, (-1, 2)).mean(dim=1)
    yield "draws", n_draws, (pairs.var(dim=0) / len(pairs)).mean().sqrt().item()
    rules = {
        "skae": (cubature_points(posterior) - posterior.loc) / posterior.scale,
        "powers of two": torch.tensor(powers_of_two(n_components)).float()[:, None],
        "simplex": torch.tensor(simplex(n_components)).float()[:, None],
    }
    for name, points in rules.items():
        error = torch.stack([losses(point) for point in points]).mean(dim=0) - drawn.mean(dim=0)
        yield name, len(points), error.square().mean().sqrt().item()


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one size, few draws")
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--rows", type=int, default=150)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 10, 17, 20, 33])
    options = parser.parse_args()
    if options.quick:
        options.draws, options.sizes = 200, [8]
    warnings.simplefilter("ignore", ConvergenceWarning)
    train, test = train_test_split(load_digits().data, test_size=0.3, random_state=0)
    print("codes  rule           points  rmse")
    for n_components in options.sizes:
        vae = VAE(n_components, max_epochs=25, random_state=1, device="cpu").fit(train)
        for rule, n_points, error in errors(vae, test[: options.rows], options.draws):
            print(f"{n_components:5d}  {rule:13s}  {n_points:6d}  {error:.3f}", flush=True)


if __name__ == "__main__":
    main()
