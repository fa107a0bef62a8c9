"""VQVAE: integers, what they stand for, how likely they are."""

import copy
import itertools
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skae import VQVAE
from skae.exceptions import CodebookWarning
from skae.vector_quantized import FiniteScalarQuantizer, ResidualQuantizer, VectorQuantizer

DIGITS = load_digits().data[:600]
SHORT = {"max_epochs": 3, "random_state": 0, "contamination": 0.1}
QUANTIZERS = {
    "scalar": FiniteScalarQuantizer(n_levels=5),
    "scalar groups": FiniteScalarQuantizer(n_levels=3, group_size=2),
    "vector": VectorQuantizer(16),
    "vector groups": VectorQuantizer(16, n_groups=4, gradient="straight_through"),
    "residual": ResidualQuantizer(16, n_stages=2),
    "residual groups": ResidualQuantizer(8, n_stages=3, n_groups=2),
}


@pytest.fixture(scope="module", params=QUANTIZERS.values(), ids=QUANTIZERS)
def fitted(request):
    return VQVAE(8, quantizer=request.param, **SHORT).fit(DIGITS)


def embeddings(vqvae, X):
    other = copy.copy(vqvae).set_params(output="embeddings")
    return other.transform(X)


def test_codes_are_integers_of_the_codebook(fitted):
    codes = fitted.transform(DIGITS)
    assert codes.dtype == np.int64
    assert codes.min() >= 0
    assert codes.max() < fitted.module_.quantizer.codebook_size
    assert len(fitted.get_feature_names_out()) == codes.shape[1]


def test_integers_and_what_they_stand_for_decode_alike(fitted):
    codes, numbers = fitted.transform(DIGITS), embeddings(fitted, DIGITS)
    rows = fitted.inverse_transform(codes)
    np.testing.assert_allclose(rows, fitted.inverse_transform(numbers), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(rows, fitted.reconstruct(DIGITS), rtol=1e-5, atol=1e-4)


def test_equal_integers_are_equal_codes(fitted):
    codes, numbers = fitted.transform(DIGITS), embeddings(fitted, DIGITS)
    first, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)[1:]
    np.testing.assert_allclose(numbers[first][inverse.ravel()], numbers, rtol=1e-5, atol=1e-6)


def test_usage_and_perplexity_are_those_of_the_counts():
    params = {"early_stopping": False, **SHORT}
    vqvae = VQVAE(8, quantizer=FiniteScalarQuantizer(5), **params).fit(DIGITS)
    for token, code in enumerate(vqvae.transform(DIGITS).T):
        shares = np.bincount(code, minlength=5) / len(code)
        used = shares[shares > 0]
        assert vqvae.codebook_usage_[token] == (shares > 0).mean()
        entropy = -(used * np.log(used)).sum()
        assert vqvae.perplexity_[token] == pytest.approx(np.exp(entropy), rel=1e-4)


def test_probabilities_of_all_codes_sum_to_one():
    vqvae = VQVAE(3, quantizer=FiniteScalarQuantizer(3), **SHORT).fit(DIGITS)
    every = torch.tensor([*itertools.product(range(3), repeat=3)])
    assert vqvae.prior_.log_prob(every).exp().sum().item() == pytest.approx(1, rel=1e-5)


def test_drawn_integers_are_as_frequent_as_those_of_the_rows():
    params = {**SHORT, "max_epochs": 30}
    vqvae = VQVAE(2, quantizer=FiniteScalarQuantizer(3), **params).fit(DIGITS)
    rows = vqvae.sample(4_000, random_state=0)
    drawn = pd.DataFrame(np.round(rows, 4)).drop_duplicates()
    assert len(drawn) <= 9  # as many rows as there are codes
    tokens = vqvae.prior_.sample(4_000).numpy()
    pairs = [np.bincount(t[:, 0] * 3 + t[:, 1], minlength=9) / len(t) for t in
             (tokens, vqvae.transform(DIGITS))]  # fmt: skip
    np.testing.assert_allclose(*pairs, atol=0.06)


def log_probabilities(vqvae, tokens):
    return vqvae.prior_.log_prob(torch.from_numpy(tokens)).detach().numpy()


def test_an_unlikely_code_lowers_the_score():
    vqvae = VQVAE(4, **SHORT).fit(DIGITS)
    rng = np.random.default_rng(0)
    shuffled = np.column_stack([rng.permutation(code) for code in vqvae.transform(DIGITS).T])
    likely, unlikely = (
        log_probabilities(vqvae, tokens).mean() for tokens in (vqvae.transform(DIGITS), shuffled)
    )
    assert likely > unlikely
    loss = np.square((vqvae.reconstruct(DIGITS) - DIGITS) / vqvae._encoder.scale_).mean(axis=1)
    expected = -loss + log_probabilities(vqvae, vqvae.transform(DIGITS)) / 64
    np.testing.assert_allclose(vqvae.score_samples(DIGITS), expected, rtol=1e-3, atol=1e-4)


def test_one_stage_is_plain_vector_quantisation():
    one = VQVAE(8, quantizer=ResidualQuantizer(16, n_stages=1), **SHORT).fit(DIGITS)
    plain = VQVAE(8, quantizer=VectorQuantizer(16), **SHORT).fit(DIGITS)
    np.testing.assert_array_equal(one.transform(DIGITS), plain.transform(DIGITS))
    np.testing.assert_array_equal(one.score_samples(DIGITS), plain.score_samples(DIGITS))


def test_codebooks_start_at_distances_of_the_table():
    """As many components as features: an untrained code is nearest to what k-means would take."""
    X = DIGITS[:, 10:14] * [1, 5, 1, 0.2]
    params = {"init": "pca", "scaler": None, "hidden_layer_sizes": (), "max_epochs": 0}
    vqvae = VQVAE(4, quantizer=VectorQuantizer(8), n_sweeps=0, **{**SHORT, **params}).fit(X)
    centres = vqvae.inverse_transform(np.arange(8)[:, None])
    distances = np.square(X[:, None] - centres).sum(axis=2)
    np.testing.assert_array_equal(vqvae.transform(X)[:, 0], distances.argmin(axis=1))


def errors(vqvae, n_sweeps, X=DIGITS):
    other = copy.copy(vqvae).set_params(n_sweeps=n_sweeps)
    return np.square((other.reconstruct(X) - X) / vqvae._encoder.scale_).mean(axis=1)


def test_no_row_loses_by_a_sweep(fitted):
    none, one, two = (errors(fitted, n) for n in range(3))
    assert (one <= none + 1e-6).all()
    assert (two <= one + 1e-6).all()
    assert one.mean() < none.mean()


def test_a_sweep_over_one_integer_finds_the_best_of_all():
    vqvae = VQVAE(2, quantizer=FiniteScalarQuantizer(4, group_size=2), **SHORT).fit(DIGITS)
    every = vqvae.inverse_transform(np.arange(16)[:, None]) / vqvae._encoder.scale_
    losses = np.square(DIGITS[:, None] / vqvae._encoder.scale_ - every).sum(axis=2)
    np.testing.assert_array_equal(vqvae.transform(DIGITS)[:, 0], losses.argmin(axis=1))


def test_a_row_of_which_nothing_is_known_keeps_the_integers_of_the_encoder(fitted):
    nothing = np.full((1, 64), np.nan)
    other = copy.copy(fitted).set_params(n_sweeps=0)
    np.testing.assert_array_equal(fitted.transform(nothing), other.transform(nothing))


def test_more_stages_restore_more():
    params = {**SHORT, "max_epochs": 15}
    one, three = (
        VQVAE(8, quantizer=ResidualQuantizer(16, n_stages=n), **params).fit(DIGITS) for n in (1, 3)
    )
    errors = [np.square(ae.reconstruct(DIGITS) - DIGITS).mean() for ae in (one, three)]
    assert errors[1] < 0.85 * errors[0]


def test_dead_codes_are_revived():
    """Codebooks that start far from all codes."""
    params = {**SHORT, "max_epochs": 15, "early_stopping": False}
    quantizer = VectorQuantizer(64, decay=0.9)
    usage = VQVAE(2, quantizer=quantizer, **params).fit(DIGITS).codebook_usage_
    assert usage.mean() > 0.8


def test_little_use_is_a_warning():
    X = np.repeat(np.eye(4), 100, axis=0)  # four rows
    vqvae = VQVAE(2, quantizer=FiniteScalarQuantizer(50), **SHORT)
    with pytest.warns(CodebookWarning, match=r"\d+% of the values .* smaller codebook"):
        vqvae.fit(X)


def test_enough_use_is_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error", CodebookWarning)
        VQVAE(8, **SHORT).fit(DIGITS)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((2, 3), dtype=int), "must have 8 columns and values from 0 to 7.*Got 3"),
        (np.full((2, 8), 8), "values from 8 to 8"),
        (np.full((2, 8), -1), "values from -1"),
        (np.zeros((2, 3)), "X has 3 columns"),
    ],
)
def test_codes_that_cannot_be_are_refused(codes, message):
    vqvae = VQVAE(8, **SHORT).fit(DIGITS)
    with pytest.raises(ValueError, match=message):
        vqvae.inverse_transform(codes)


@pytest.mark.parametrize(
    ("quantizer", "message"),
    [
        (FiniteScalarQuantizer(1), "'n_levels'"),
        (VectorQuantizer(codebook_size=0), "'codebook_size'"),
        (ResidualQuantizer(n_stages=0), "'n_stages'"),
        (VectorQuantizer(gradient="none"), "'gradient'"),
        (VectorQuantizer(n_groups=3), "n_components must be a multiple of 3"),
        (FiniteScalarQuantizer(100, group_size=4), "of 100000000 values each: 200000000 together"),
    ],
)
def test_parameters_of_quantizers_are_checked(quantizer, message):
    with pytest.raises(ValueError, match=message):
        VQVAE(8, quantizer=quantizer).fit(DIGITS)


def test_an_output_that_is_none_is_refused_after_fit_too():
    vqvae = VQVAE(8, **SHORT).fit(DIGITS).set_params(output="numbers")
    with pytest.raises(ValueError, match="The 'output' parameter of VQVAE"):
        vqvae.transform(DIGITS)


def test_components_are_rounded_up_to_whole_parts():
    vqvae = VQVAE(quantizer=VectorQuantizer(16, n_groups=3), **SHORT).fit(DIGITS)
    assert vqvae.n_components_ == 9


def test_a_search_reaches_the_quantizer():
    vqvae = VQVAE(4, quantizer=FiniteScalarQuantizer(), **SHORT)
    search = GridSearchCV(vqvae, {"quantizer__n_levels": [2, 16]}, cv=2).fit(DIGITS)
    levels = search.best_params_["quantizer__n_levels"]
    assert search.best_estimator_.module_.quantizer.n_levels == levels
    assert vqvae.quantizer.n_levels == 8


def test_a_pickle_draws_the_same_rows(fitted):
    restored = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        restored.sample(5, random_state=0), fitted.sample(5, random_state=0)
    )


def test_frames_of_integers_decode_to_frames(fitted):
    codes = pd.DataFrame(fitted.transform(DIGITS))
    assert isinstance(fitted.inverse_transform(codes), pd.DataFrame)


INTEGER_TABLES = {
    "int8": lambda codes: codes.astype(np.int8),
    "nullable": lambda codes: pd.DataFrame(codes, dtype="Int64"),
    "arrow": lambda codes: pd.DataFrame(codes).astype("int64[pyarrow]"),
    "objects": lambda codes: codes.astype(object),
    "frame of objects": lambda codes: pd.DataFrame(codes, dtype=object),
    "list": lambda codes: codes.tolist(),
}


@pytest.mark.parametrize("make", INTEGER_TABLES.values(), ids=INTEGER_TABLES)
def test_integers_of_any_type_are_integers(fitted, make):
    codes = fitted.transform(DIGITS[:20])
    np.testing.assert_array_equal(
        fitted.inverse_transform(make(codes)), fitted.inverse_transform(codes)
    )


def test_integers_of_a_float_type_are_a_warning():
    vqvae = VQVAE(8, **SHORT).fit(DIGITS)
    with pytest.warns(UserWarning, match=r"astype\(int\)") as caught:
        vqvae.inverse_transform(vqvae.transform(DIGITS).astype(float))
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vqvae.inverse_transform(embeddings(vqvae, DIGITS))
        vqvae.inverse_transform(np.zeros((1, 8)))  # the mean code
