"""The conditional variational auto-encoder: what it is told, what it gives back."""

import numpy as np
import pandas as pd
import pytest
import torch

from skae import VAE, ConditionalVAE
from skae.datasets import ChunkedTable
from skae.utils import as_pandas
from tests.estimators import mixed_table, score_of_nothing

GIVEN = ["text", "float", "maybe", "when", "code"]


def shifted(n_samples=600, seed=0):
    """Rows whose mean is that of their group."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["low", "middle", "high"], n_samples)
    mean = pd.Series(group).map({"low": -5.0, "middle": 0.0, "high": 5.0}).to_numpy()
    factor = rng.normal(size=n_samples)
    return pd.DataFrame(
        {
            "group": group,
            "first": mean + factor + 0.3 * rng.normal(size=n_samples),
            "second": 10 * (factor - mean) + rng.normal(size=n_samples),
            "third": factor + 0.3 * rng.normal(size=n_samples),
        }
    )


FRAME, MIXED = shifted(), mixed_table(200)


@pytest.fixture(scope="module")
def told():
    return ConditionalVAE(1, condition=["group"], max_epochs=40, random_state=0).fit(FRAME)


@pytest.fixture(scope="module")
def mixed():
    return ConditionalVAE(3, condition=GIVEN, max_epochs=4, random_state=0).fit(MIXED)


# ---- special cases ----


def test_a_constant_condition_is_no_condition():
    # without hidden layers the start is PCA's, not drawn: the number of columns changes nothing
    X = FRAME[["first", "second", "third"]].to_numpy()
    params = {"hidden_layer_sizes": (), "max_epochs": 8, "random_state": 0}
    plain = VAE(2, **params).fit(X)
    constant = np.column_stack([X[:, :1], np.full(len(X), 3.0), X[:, 1:]])
    conditional = ConditionalVAE(2, condition=[1], **params).fit(constant)
    np.testing.assert_allclose(
        conditional.score_samples(constant), plain.score_samples(X), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(
        conditional.transform(constant)[:, :2], plain.transform(X), rtol=1e-3, atol=1e-4
    )


def test_without_a_condition_it_is_vae():
    plain, conditional = (
        estimator(2, max_epochs=4, random_state=0).fit(MIXED) for estimator in (VAE, ConditionalVAE)
    )
    np.testing.assert_allclose(conditional.score_samples(MIXED), plain.score_samples(MIXED))


# ---- what the condition does ----


def test_drawn_rows_follow_their_condition(told):
    drawn = told.sample(500, random_state=0, condition=FRAME[["group"]].drop_duplicates())
    assert len(drawn) == 1500
    means, expected = (f.groupby("group").mean() for f in (drawn, FRAME))
    np.testing.assert_allclose(means / [1, 10, 1], expected / [1, 10, 1], atol=0.5)


def test_codes_need_not_say_what_the_condition_says(told):
    plain = VAE(1, max_epochs=40, random_state=0).fit(FRAME)
    between = [
        pd.Series(codes).groupby(FRAME["group"]).mean().std() / np.std(codes)
        for codes in (told.transform(FRAME)[:, 0], plain.transform(FRAME)[:, 0])
    ]
    assert between[0] < 0.3 < between[1]


def test_conditions_are_drawn_as_often_as_they_came(told):
    drawn = told.sample(5000, random_state=0)
    pd.testing.assert_series_equal(drawn.dtypes, FRAME.dtypes)
    shares, expected = (
        f["group"].value_counts(normalize=True).sort_index() for f in (drawn, FRAME)
    )
    np.testing.assert_allclose(shares, expected, atol=0.03)


def test_conditions_of_rows_without_weight_are_never_drawn():
    weight = (FRAME["group"] != "high").to_numpy(dtype=float)
    vae = ConditionalVAE(1, condition=["group"], max_epochs=1, random_state=0)
    assert set(vae.fit(FRAME, sample_weight=weight).sample(500, 0)["group"]) == {"low", "middle"}


# ---- what is given comes back, and counts in no score ----


def test_reconstructions_have_the_condition_as_it_was_given(mixed):
    for rows in (mixed.reconstruct(MIXED), mixed.inverse_transform(mixed.transform(MIXED))):
        for name in GIVEN:
            there = MIXED[name].notna().to_numpy()
            given, back = MIXED.loc[there, name], rows.loc[there, name]
            if name == "float":
                np.testing.assert_allclose(back, given, rtol=1e-4)
            else:
                assert (back.to_numpy() == given.to_numpy()).all(), name


def test_missing_cells_of_the_condition_become_the_mean_or_the_most_frequent_class(mixed):
    rows = mixed.reconstruct(MIXED)
    assert not rows.isna().to_numpy().any()
    missing = MIXED["float"].isna().to_numpy()
    np.testing.assert_allclose(rows.loc[missing, "float"], MIXED["float"].mean(), rtol=1e-3)
    filled = mixed.impute(MIXED)["text"]
    assert set(filled[MIXED["text"].isna()]) == {MIXED["text"].mode()[0]}


def test_missing_and_rare_cells_of_an_embedded_condition_become_the_most_frequent_class():
    rng = np.random.default_rng(0)
    shop = np.repeat([f"shop {i}" for i in range(40)], 10)  # 40 classes are embedded
    frame = pd.DataFrame({"shop": rng.permutation(shop), "sales": rng.normal(size=400)})
    frame.loc[:19, "shop"] = "shop 33"
    frame.loc[20:29, "shop"] = None
    frame.loc[30:39, "shop"] = [f"rare {i}" for i in range(10)]
    vae = ConditionalVAE(1, condition=["shop"], max_epochs=2, random_state=0).fit(frame)
    rows = frame.loc[20:39]
    back = vae.inverse_transform(vae.transform(rows))["shop"]
    drawn = vae.sample(1, random_state=0, condition=rows[["shop"]])["shop"]
    assert set(back) == set(drawn[:10]) == {"shop 33"}
    assert drawn[10:].tolist() == rows["shop"][10:].tolist()
    there = frame["shop"].isin(shop)
    assert (vae.reconstruct(frame)["shop"] == frame["shop"])[there].all()


def test_drawn_rows_have_the_condition_as_it_was_given(mixed):
    rows = MIXED.dropna().head(4)
    drawn = mixed.sample(2, random_state=0, condition=rows[GIVEN])
    assert drawn.columns.tolist() == MIXED.columns.tolist()
    for name in GIVEN:
        np.testing.assert_array_equal(drawn[name], np.repeat(rows[name].to_numpy(), 2))
    pd.testing.assert_series_equal(drawn.dtypes, MIXED.dtypes)


def test_a_category_that_was_never_seen_comes_back(told):
    drawn = told.sample(2, random_state=0, condition=pd.DataFrame({"group": ["new", "low"]}))
    assert drawn["group"].tolist() == ["new", "new", "low", "low"]
    frame = FRAME.assign(group=FRAME["group"].astype("category"))
    vae = ConditionalVAE(1, condition=["group"], max_epochs=1, random_state=0).fit(frame)
    drawn = vae.sample(1, random_state=0, condition=pd.DataFrame({"group": ["new", "low"]}))
    assert drawn["group"].tolist() == ["new", "low"]
    assert set(frame["group"].cat.categories) < set(drawn["group"].cat.categories)


def test_missing_cells_among_given_ones_are_filled(mixed):
    rows = MIXED[GIVEN].dropna().head(4).copy()
    for i, name in enumerate(["text", "float", "when"]):
        rows.iloc[i, GIVEN.index(name)] = None
    drawn = mixed.sample(1, random_state=0, condition=rows)
    assert not drawn.isna().to_numpy().any()
    there = rows.notna().to_numpy()
    np.testing.assert_array_equal(drawn[GIVEN].to_numpy()[there], rows.to_numpy()[there])
    assert drawn["text"].iloc[0] == MIXED["text"].mode()[0]


def test_numbers_that_float32_cannot_hold_come_back():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": rng.integers(10**8, size=200), "size": rng.normal(size=200)})
    for X in (frame, frame.to_numpy()):
        vae = ConditionalVAE(1, condition=[0], max_epochs=1, random_state=0).fit(X)
        drawn = vae.sample(1, random_state=0, condition=frame[["id"]].to_numpy())
        np.testing.assert_array_equal(np.asarray(drawn)[:, 0], frame["id"])


def _exact(n_samples=200):
    """A condition of every kind that float32 cannot hold, and a column that is not given."""
    number = 2**60 + 1 + np.arange(n_samples)
    return pd.DataFrame(
        {
            "id": number,
            "nullable": pd.array(number, dtype="Int64"),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(1_234_567_891 * np.arange(200)),
            "price": np.random.default_rng(0).normal(size=n_samples),
            "name": [f"only {i}" for i in range(n_samples)],
            "drawn": np.random.default_rng(1).normal(size=n_samples),
        }
    )


def _cells(frame, columns):
    return set(frame[columns].itertuples(index=False, name=None))


@pytest.mark.parametrize("kind", ["pandas", "polars", "chunks"])
def test_conditions_of_training_come_back_to_the_last_digit(kind):
    frame = _exact()
    given = ["id", "nullable", "when", "price", "name"]
    table = {
        "pandas": lambda: frame,
        "polars": lambda: pytest.importorskip("polars").from_pandas(frame),
        "chunks": lambda: ChunkedTable(lambda: (frame[i : i + 50] for i in range(0, 200, 50))),
    }[kind]()
    vae = ConditionalVAE(1, condition=given, max_epochs=1, random_state=0).fit(table)
    drawn = as_pandas(vae.sample(100, random_state=0))
    assert _cells(drawn, given) <= _cells(frame, given)
    assert len(_cells(drawn, given)) > 50
    later = frame.assign(id=frame["id"] + 1000)
    drawn = as_pandas(vae.partial_fit(later).sample(100, random_state=0))
    assert _cells(drawn, given) <= _cells(later, given)


def test_conditions_of_an_array_come_back_to_the_last_digit():
    X = np.random.default_rng(0).normal(size=(200, 3))
    drawn = ConditionalVAE(1, condition=[1], max_epochs=1).fit(X).sample(50)
    assert np.isin(drawn[:, 1], X[:, 1]).all()


def test_integers_of_polars_beside_missing_ones_keep_their_digits():
    polars = pytest.importorskip("polars")
    numbers = [2**60 + 1 + i if i % 3 else None for i in range(200)]
    frame = polars.DataFrame({"id": numbers, "drawn": np.random.default_rng(0).normal(size=200)})
    vae = ConditionalVAE(1, condition=["id"], max_epochs=1, random_state=0).fit(frame)
    drawn = vae.sample(condition=frame[["id"]], random_state=0)["id"].to_list()
    known = [i for i in range(200) if i % 3]
    assert [drawn[i] for i in known] == [numbers[i] for i in known]
    drawn = set(vae.sample(200, random_state=0)["id"])
    assert len(drawn - set(numbers)) == 1  # the mean, for those that were missing
    assert len(drawn & set(numbers)) > 50


def test_conditions_of_polars_come_back_in_polars():
    polars = pytest.importorskip("polars")
    frame = polars.from_pandas(FRAME)
    vae = ConditionalVAE(1, condition=["group"], max_epochs=1, random_state=0).fit(frame)
    drawn = vae.sample(1, 0, condition=polars.DataFrame({"group": ["low", "new", None]}))
    assert drawn.schema == frame.schema
    assert drawn["group"].to_list() == ["low", "new", FRAME["group"].mode()[0]]


def test_only_what_is_not_given_is_scored():
    X = FRAME[["first", "second", "third"]].to_numpy()
    start = ConditionalVAE(1, condition=[0], max_epochs=0, random_state=0).fit(X)
    encoded = torch.zeros(1, 3)
    losses = start._likelihood.neg_log_density(torch.ones(1, 6), encoded)[0]
    assert losses[0] == 0
    assert (losses[1:] != 0).all()
    assert start._likelihood.n_cells(encoded) == 2


def test_scores_are_densities_of_the_other_columns():
    scaled = FRAME.assign(first=10 * FRAME["first"])
    scores = [
        ConditionalVAE(1, condition=["first"], max_epochs=5, random_state=0).fit(f).score(f)
        for f in (FRAME, scaled)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)  # whatever the units of the condition


def test_contributions_sum_to_the_score(mixed):
    total = mixed.feature_contributions(MIXED).sum(axis=1) + score_of_nothing(mixed, MIXED)
    np.testing.assert_allclose(total, mixed.score_samples(MIXED), rtol=1e-4, atol=1e-4)


def test_codes_have_names(mixed):
    names = mixed.get_feature_names_out().tolist()
    assert len(names) == len(set(names)) == mixed.transform(MIXED).shape[1]
    assert names[:3] == ["conditionalvae0", "conditionalvae1", "conditionalvae2"]
    assert {"float", "maybe", "text_0", "when_missing"} <= set(names)


# ---- streams ----


def test_scores_stay_when_the_scaler_moves():
    rows = MIXED.drop(columns=["category"])  # of which a class becomes known
    vae = ConditionalVAE(2, condition=["float", "text"], max_epochs=4, random_state=0).fit(rows)
    before = vae.score_samples(rows)
    numbers = rows.select_dtypes("number").columns
    moved = rows.head(50).assign(**{name: rows[name].head(50) * 2 + 3 for name in numbers})
    moved["when"] += pd.Timedelta(days=400)
    vae.set_params(lr=1e-12).partial_fit(moved)
    np.testing.assert_allclose(vae.score_samples(rows), before, rtol=1e-3, atol=1e-2)


def test_a_class_of_the_condition_that_becomes_known_gets_a_place():
    vae = ConditionalVAE(1, condition=["group"], max_epochs=3, random_state=0).fit(FRAME)
    before, more = vae.score_samples(FRAME), FRAME.head(60).assign(group="new")
    n_codes = vae.transform(FRAME).shape[1]
    vae.set_params(lr=1e-12).partial_fit(more)
    assert vae.transform(FRAME).shape[1] == n_codes + 1
    np.testing.assert_allclose(vae.score_samples(FRAME), before, rtol=1e-2, atol=0.05)
    assert set(vae.reconstruct(more)["group"]) == {"new"}


def test_a_condition_may_be_a_list_of_words_beside_numbers():
    vae = ConditionalVAE(1, condition=["group", "first"], max_epochs=1, random_state=0).fit(FRAME)
    given = FRAME[["group", "first"]].head(3)
    drawn = vae.sample(1, random_state=0, condition=given.to_numpy().tolist())
    pd.testing.assert_frame_equal(drawn, vae.sample(1, random_state=0, condition=given))


# ---- bad input ----


@pytest.mark.parametrize("condition", [["first"], ["group", "first"], None])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_condition_cannot_go_on(condition, method):
    vae = ConditionalVAE(1, condition=["group"], max_epochs=1, warm_start=True).fit(FRAME)
    before = vae.score_samples(FRAME)
    with pytest.raises(ValueError, match=r"is told the columns \['group'\]"):
        getattr(vae.set_params(condition=condition), method)(FRAME)
    np.testing.assert_array_equal(vae.score_samples(FRAME), before)
    getattr(vae.set_params(condition=[0]), method)(FRAME)  # the same in other words


def test_all_columns_as_condition_are_refused():
    with pytest.raises(ValueError, match="condition names all 4 columns"):
        ConditionalVAE(condition=[0, 1, 2, 3]).fit(FRAME)


def test_pixels_as_condition_are_refused():
    with pytest.raises(ValueError, match="all columns are pixels"):
        ConditionalVAE(condition=[0], input_shape=(1, 4, 4)).fit(np.eye(16))


def test_a_condition_that_is_no_column_is_refused():
    with pytest.raises(ValueError, match="condition names 'colour'"):
        ConditionalVAE(condition=["colour"]).fit(FRAME)


def test_conditions_of_other_columns_are_refused(told):
    with pytest.raises(ValueError, match="lacks the column 'group'"):
        told.sample(1, condition=FRAME[["first"]])
    with pytest.raises(ValueError, match=r"shape \(n_conditions, 1\)"):
        told.sample(1, condition=[[1, 2]])
    with pytest.raises(ValueError, match="n_samples"):
        told.sample(0, condition=FRAME[["group"]])
    with pytest.raises(ValueError, match="no column was named"):
        ConditionalVAE(1, max_epochs=0).fit(FRAME).sample(1, condition=FRAME)


@pytest.mark.parametrize("kind", ["int64", "Int64", "polars"])
def test_fractions_as_condition_of_integers_are_refused(kind):
    frame = FRAME[["first"]].assign(year=np.arange(len(FRAME)) % 7)
    if kind == "polars":
        frame = pytest.importorskip("polars").DataFrame(frame.to_dict("list"))
    else:
        frame = frame.astype({"year": kind})
    vae = ConditionalVAE(1, condition=["year"], max_epochs=1, random_state=0).fit(frame)
    with pytest.raises(ValueError, match=r"condition has .*1\.5.* 'year', which holds integers"):
        vae.sample(condition=[[2], [1.5]])
    drawn = vae.sample(condition=[[2.0], [3.0]], random_state=0)
    assert as_pandas(drawn)["year"].tolist() == [2, 3]
