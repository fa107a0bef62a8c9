"""Sparse, contractive and regularised auto-encoders."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skae import ContractiveAE, RegularizedAE, SparseAE
from skae.base import EncoderDecoder
from skae.preprocessing import principal_axes

DIGITS = load_digits().data[:600]
SHORT = {"max_epochs": 3, "random_state": 0, "contamination": 0.1}
WITHOUT_TERM = {
    "l1": SparseAE(8, sparsity="l1", sparsity_weight=0, **SHORT),
    "k": SparseAE(8, n_active=8, **SHORT),
    "contractive": ContractiveAE(8, contraction_weight=0, **SHORT),
    "regularized": RegularizedAE(8, code_weight=0, decoder_weight=0, **SHORT),
}


@pytest.mark.parametrize("variant", WITHOUT_TERM.values(), ids=WITHOUT_TERM)
def test_without_its_term_it_is_the_plain_one(variant):
    plain = EncoderDecoder(8, **SHORT).fit(DIGITS)
    np.testing.assert_array_equal(variant.fit(DIGITS).transform(DIGITS), plain.transform(DIGITS))


def hoyer(codes):
    """Root mean square over mean absolute value: the larger, the sparser."""
    return np.mean(np.sqrt((codes**2).mean(axis=0)) / np.abs(codes).mean(axis=0))


TRAINED = {"max_epochs": 20, "early_stopping": False, "random_state": 0, "contamination": 0.1}


def test_a_price_on_size_makes_codes_sparser():
    plain = EncoderDecoder(16, **TRAINED).fit(DIGITS).transform(DIGITS)
    priced = SparseAE(16, sparsity="l1", sparsity_weight=1, **TRAINED).fit(DIGITS)
    assert hoyer(priced.transform(DIGITS)) > 1.1 * hoyer(plain)


def test_a_price_on_size_leaves_codes_out():
    def n_active(weight):
        ae = SparseAE(32, sparsity="l1", sparsity_weight=weight, **TRAINED).fit(DIGITS)
        return (ae.transform(DIGITS) > 0).sum(axis=1).mean()

    assert n_active(3) < 0.7 * n_active(1e-3)


def test_rectified_codes_start_as_both_sides_of_the_principal_axes():
    X = DIGITS[:, DIGITS.std(axis=0) > 1]
    ae = SparseAE(20, sparsity="l1", scaler=None, **{**TRAINED, "max_epochs": 0}).fit(X)
    pca = principal_axes(X, lambda rows: rows, 10)
    expected = pca.mean + (X - pca.mean) @ pca.axes.T @ pca.axes
    np.testing.assert_allclose(ae.reconstruct(X), expected, atol=1e-3)
    assert (ae.transform(X) >= 0).all()


def test_means_of_codes_are_drawn_to_their_target():
    params = {"sparsity": "kl", "target_activation": 0.1, **TRAINED}
    codes = SparseAE(16, sparsity_weight=10, **params).fit(DIGITS).transform(DIGITS)
    assert codes.min() >= 0
    assert codes.max() <= 1
    np.testing.assert_allclose(codes.mean(axis=0), 0.1, atol=0.05)


@pytest.mark.parametrize("n_active", [1, 5])
def test_a_row_has_as_many_codes_as_asked_for(n_active):
    codes = SparseAE(16, n_active=n_active, **SHORT).fit(DIGITS).transform(DIGITS)
    assert ((codes != 0).sum(axis=1) == n_active).all()


def test_of_many_sparse_codes_more_is_restored_than_of_as_few_dense_ones():
    dense = EncoderDecoder(4, **TRAINED).fit(DIGITS).score(DIGITS)
    sparse = SparseAE(64, n_active=4, **TRAINED).fit(DIGITS).score(DIGITS)
    assert sparse > dense


def test_more_active_codes_than_codes_are_refused():
    with pytest.raises(ValueError, match=r"n_active must be at most n_components, 4\. Got 5"):
        SparseAE(4, n_active=5).fit(DIGITS)


def test_contracted_codes_move_less_with_noise():
    noisy = DIGITS + 0.5 * np.random.default_rng(0).normal(size=DIGITS.shape)

    def moved(estimator):
        codes = estimator.fit(DIGITS).transform(DIGITS)
        return np.mean(np.std(estimator.transform(noisy) - codes, axis=0) / codes.std(axis=0))

    plain = EncoderDecoder(8, **TRAINED)
    assert moved(ContractiveAE(8, contraction_weight=1, **TRAINED)) < 0.9 * moved(plain)


@pytest.mark.parametrize("regularization", ["gradient", "spectral", "l2"])
def test_regularised_codes_are_small(regularization):
    params = {"code_weight": 0.3, "decoder_weight": 0.01, "regularization": regularization}
    plain = EncoderDecoder(8, **TRAINED).fit(DIGITS).transform(DIGITS)
    small = RegularizedAE(8, **params, **TRAINED).fit(DIGITS).transform(DIGITS)
    assert np.square(small).mean() < 0.7 * np.square(plain).mean()
