"""Variants that hold the codes of a batch to the prior, or independent of each other."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skae import (
    DIPVAE,
    VAE,
    AdversarialAE,
    BetaTCVAE,
    FactorVAE,
    InfoVAE,
    WassersteinAE,
)
from skae.base import EncoderDecoder
from skae.objectives import normal_discrepancy, row_shares

DIGITS = load_digits().data[:600]
# Without early stopping: where the start is kept, all are alike.
SHORT = {"max_epochs": 3, "early_stopping": False, "random_state": 0, "contamination": 0.1}
SPECIAL_CASES = {
    "BetaTCVAE": (BetaTCVAE(8, beta=1, **SHORT), VAE(8, **SHORT)),
    "DIPVAE i": (
        DIPVAE(8, kind="i", off_diagonal_weight=0, diagonal_weight=0, **SHORT),
        VAE(8, **SHORT),
    ),
    "DIPVAE ii": (DIPVAE(8, off_diagonal_weight=0, diagonal_weight=0, **SHORT), VAE(8, **SHORT)),
    "InfoVAE": (InfoVAE(8, beta=1, discrepancy_weight=0, **SHORT), VAE(8, **SHORT)),
    "WassersteinAE": (WassersteinAE(8, prior_weight=0, **SHORT), EncoderDecoder(8, **SHORT)),
    "AdversarialAE": (AdversarialAE(8, prior_weight=0, **SHORT), EncoderDecoder(8, **SHORT)),
}


@pytest.mark.parametrize(("variant", "plain"), SPECIAL_CASES.values(), ids=SPECIAL_CASES)
def test_without_its_term_it_is_the_plain_estimator(variant, plain):
    scores = [estimator.fit(DIGITS).score_samples(DIGITS) for estimator in (variant, plain)]
    np.testing.assert_allclose(*scores, rtol=2e-3)


def test_a_discriminator_without_weight_changes_but_the_random_numbers():
    factor, plain = FactorVAE(8, **SHORT), VAE(8, batch_size=64, **SHORT)
    expected = plain.fit(DIGITS).score(DIGITS)
    assert factor.set_params(gamma=0).fit(DIGITS).score(DIGITS) == pytest.approx(expected, rel=2e-3)
    assert factor.set_params(gamma=50).fit(DIGITS).score(DIGITS) < expected - 0.5


@pytest.mark.parametrize("Estimator", [WassersteinAE, AdversarialAE])
def test_codes_are_distributed_as_the_prior(Estimator):
    params = {"init": "random", "max_epochs": 30, "early_stopping": False, "contamination": 0.1}

    def discrepancy(weight):
        ae = Estimator(2, prior_weight=weight, random_state=0, **params).fit(DIGITS)
        codes = torch.as_tensor(ae.transform(DIGITS))
        return normal_discrepancy(codes, row_shares(None, codes))

    assert discrepancy(1) < 0.2 * discrepancy(0)


def distance_from_identity(codes):
    return np.abs(np.cov(codes.T) - np.eye(codes.shape[1])).max()


def test_the_covariance_of_penalised_means_is_the_identity():
    params = {"max_epochs": 15, "random_state": 0, "early_stopping": False, "contamination": 0.1}
    weights = {"off_diagonal_weight": 100, "diagonal_weight": 1000}
    plain = VAE(8, **params).fit(DIGITS).transform(DIGITS)
    apart = DIPVAE(8, kind="i", **weights, **params).fit(DIGITS).transform(DIGITS)
    assert distance_from_identity(apart) < 0.5 * distance_from_identity(plain)


@pytest.mark.parametrize("Estimator", [FactorVAE, AdversarialAE])
@pytest.mark.parametrize("sizes", [(0,), (2.5,), (-1, 4)])
def test_sizes_of_the_discriminator_are_checked(Estimator, sizes):
    with pytest.raises(ValueError, match="discriminator_layer_sizes must be positive integers"):
        Estimator(discriminator_layer_sizes=sizes).fit(DIGITS)


@pytest.mark.parametrize("Estimator", [FactorVAE, AdversarialAE])
def test_the_optimizer_of_the_discriminator_has_settings_of_its_own(Estimator):
    params = {"discriminator_optimizer__lr": 1e-5}
    net = Estimator(2, net_params=params, **SHORT).fit(DIGITS).net_
    assert net.discriminator_optimizer_.param_groups[0]["lr"] == 1e-5
    assert net.optimizer_.param_groups[0]["lr"] != 1e-5


@pytest.mark.parametrize("Estimator", [WassersteinAE, AdversarialAE])
def test_samples_are_decoded_draws_of_the_prior(Estimator):
    ae = Estimator(2, **SHORT).fit(DIGITS)
    rows = ae.sample(500, random_state=0)
    np.testing.assert_allclose(rows, ae.sample(500, random_state=0))
    # the decoder of so few epochs is nearly PCA: its rows have codes that are as normal
    assert np.abs(ae.transform(rows).mean(axis=0)).max() < 0.3
