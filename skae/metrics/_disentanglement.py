"""Disentanglement: do single codes stand for single factors? From tables of codes and factors.

Every function takes `codes` of shape (n_samples, n_components) and `factors` of shape
(n_samples, n_factors), one row for the same sample. A factor is discrete: each of its distinct
values (integers, strings, booleans) is a level, and it has at least two.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import entropy
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, mutual_info_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_array, check_consistent_length, check_random_state

# What docstrings of several metrics say.
_CODES = """codes : array-like of shape (n_samples, n_components)
        """
_FACTORS = """factors : array-like of shape (n_samples, n_factors)
        """
_LEVELS = "iscrete factors: integers, strings or booleans, at least two levels each."
_ERRORS = """ValueError
        If a factor is constant or continuous, or all codes are constant"""
_DESCRIPTIONS = {
    "codes": f"{_CODES}Codes.",
    "two_codes": f"{_CODES}At least two codes.",
    "factors": f"{_FACTORS}D{_LEVELS}",
    "two_factors": f"{_FACTORS}At least two d{_LEVELS}",
    "levels": f"{_ERRORS}.",
    "shared_levels": f"{_ERRORS}, or a level has one\n        row only.",
}


def _documented(metric):
    """Fill in the descriptions that metrics share."""
    if metric.__doc__ is not None:  # as under python -OO
        metric.__doc__ %= _DESCRIPTIONS
    return metric


def _checked(codes, factors, *, min_codes=1, min_factors=1):
    """Codes as floats, and factors as levels 0, 1, ..."""
    codes = check_array(codes, dtype=np.float64, ensure_min_features=min_codes, input_name="codes")
    factors = check_array(
        factors, dtype=None, ensure_min_features=min_factors, input_name="factors"
    )
    check_consistent_length(codes, factors)
    if not np.ptp(codes, axis=0).any():
        raise ValueError("All codes are constant, so there is nothing to compare factors with.")
    return codes, np.column_stack([_levels(factor, k) for k, factor in enumerate(factors.T)])


def _levels(factor, number):
    names, levels = np.unique(factor, return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            f"factors[:, {number}] is {names[0]} in every row. A factor has to vary: leave it out."
        )
    if factor.dtype.kind == "f" and (names % 1).any():
        raise ValueError(
            f"factors[:, {number}] is continuous, and levels are accepted: integers, strings or "
            "booleans. Bin it first, as by sklearn.preprocessing.KBinsDiscretizer."
        )
    return levels


def _varying(codes):
    return codes[:, np.ptp(codes, axis=0) > 0]


def _binned(code, n_bins):
    return np.digitize(code, np.linspace(code.min(), code.max(), n_bins + 1)[1:-1])


def _mutual_information(codes, factors, n_bins):
    """Mutual information in nats, of shape (n_components, n_factors)."""
    binned = [_binned(code, n_bins) for code in codes.T]
    return np.array([[mutual_info_score(factor, code) for factor in factors.T] for code in binned])


def _gap(scores):
    """By how much the best code of each factor is ahead of the second."""
    second, best = np.sort(scores, axis=0)[-2:]
    return best - second


def _scaled_logistic_regression():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


@_documented
def mutual_information_gap(codes, factors, *, n_bins=20):
    r"""Mutual information gap (MIG): whether one code alone knows a factor.

    .. math:: \frac 1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}

    with :math:`z_{(1)}, z_{(2)}` the two codes that know most of the factor :math:`v_k` [1]_.
    Codes are discretised in bins of equal width.

    Parameters
    ----------
    %(two_codes)s
    %(factors)s
    n_bins : int, default=20
        Bins of a code. A factor of more levels cannot reach 1.

    Returns
    -------
    float
        From 0 to 1; higher is more disentangled. Few rows bias both terms alike.

    Raises
    ------
    %(levels)s

    References
    ----------
    .. [1] Chen, Li, Grosse, Duvenaud, "Isolating Sources of Disentanglement in Variational
       Autoencoders", NeurIPS 2018, equation 6.

    Examples
    --------
    >>> from skae.metrics import mutual_information_gap
    >>> factors = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> mutual_information_gap([[0.1, 5], [0.1, 9], [0.3, 5], [0.3, 9]], factors)
    1.0
    """
    codes, factors = _checked(codes, factors, min_codes=2)
    entropies = [entropy(np.bincount(factor)) for factor in factors.T]
    return float(np.mean(_gap(_mutual_information(codes, factors, n_bins)) / entropies))


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness, each from 0 to 1."""

    disentanglement: float
    completeness: float
    informativeness: float


@_documented
def dci(codes, factors, *, random_state=None):
    r"""Disentanglement, completeness and informativeness (DCI).

    A forest predicts each factor from all codes; :math:`R_{ij}` is the importance of the code `i`
    in it for the factor `j`. Disentanglement is one minus the entropy (to the base of the number of
    factors) of a row of `R`, averaged with the weights :math:`\sum_j R_{ij}`: does a code serve one
    factor? Completeness is the same for its columns: is a factor served by one code? [1]_

    Parameters
    ----------
    %(two_codes)s
    %(two_factors)s
    random_state : int, RandomState instance or None, default=None
        For the forests, and for the quarter of the rows that is held out.

    Returns
    -------
    DCI
        A named tuple ``(disentanglement, completeness, informativeness)``; the last is the
        mean accuracy of the forests on the held-out rows (the paper has the error).

    Raises
    ------
    %(levels)s

    References
    ----------
    .. [1] Eastwood, Williams, "A Framework for the Quantitative Evaluation of Disentangled
       Representations", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import dci
    >>> factors = np.random.default_rng(0).integers(3, size=(300, 2))
    >>> dci(factors * 0.1, factors, random_state=0)
    DCI(disentanglement=1.0, completeness=1.0, informativeness=1.0)
    """
    codes, factors = _checked(codes, factors, min_codes=2, min_factors=2)
    rng = check_random_state(random_state)
    split = train_test_split(codes, factors, random_state=rng)
    fitted = [_importances_and_accuracy(*split, k, rng) for k in range(factors.shape[1])]
    importances, accuracies = zip(*fitted, strict=True)
    importances = np.column_stack(importances)  # (n_components, n_factors)
    return DCI(
        _concentration(importances), _concentration(importances.T), float(np.mean(accuracies))
    )


def _importances_and_accuracy(train, test, train_factors, test_factors, k, rng):
    # A split that sees some codes only takes a poor one for want of the best. Leaves of a fiftieth
    # of the rows are too coarse to split by noise: measured, importances are then those of
    # gradient boosting, from 1 000 to 8 000 rows. They are finer where levels are rarer.
    leaf = min(0.02, 0.5 / (train_factors[:, k].max() + 1))
    forest = RandomForestClassifier(50, max_features=None, min_samples_leaf=leaf, random_state=rng)
    forest.fit(train, train_factors[:, k])
    return forest.feature_importances_, forest.score(test, test_factors[:, k])


def _concentration(importances):
    """One minus the entropy of a row, averaged with the importance of the row."""
    weights = importances.sum(axis=1)
    used = weights > 0
    spread = entropy(importances[used], base=importances.shape[1], axis=1)
    return float(np.average(1 - spread, weights=weights[used]))


@_documented
def sap_score(codes, factors):
    """Separated attribute predictability (SAP): whether one code predicts a factor.

    For each code and factor, thresholds on the code that tell the levels apart best, as many as
    it takes (levels - 1); their balanced accuracy, 0 at chance and 1 for no error; the gap
    between the best and second code, averaged over factors [1]_.

    Parameters
    ----------
    %(two_codes)s
    %(factors)s

    Returns
    -------
    float
        From 0 to 1; higher is more disentangled. Thresholds are judged on the rows that they
        come from, as in the paper: give many rows for each level.

    Raises
    ------
    %(levels)s

    Notes
    -----
    The paper counts accuracy from 0, so that its gap also depends on the number of levels.

    References
    ----------
    .. [1] Kumar, Sattigeri, Balakrishnan, "Variational Inference of Disentangled Latent Concepts
       from Unlabeled Observations", ICLR 2018, section 3.

    Examples
    --------
    >>> from skae.metrics import sap_score
    >>> factors = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> sap_score([[0.1, 5], [0.1, 9], [0.3, 5], [0.3, 9]], factors)
    1.0
    """
    codes, factors = _checked(codes, factors, min_codes=2)
    scores = [[_threshold_accuracy(code, factor) for factor in factors.T] for code in codes.T]
    return float(_gap(scores).mean())


def _threshold_accuracy(code, factor):
    tree = DecisionTreeClassifier(
        max_leaf_nodes=factor.max() + 1, class_weight="balanced", random_state=0
    )
    predicted = tree.fit(code[:, None], factor).predict(code[:, None])
    return balanced_accuracy_score(factor, predicted, adjusted=True)


@_documented
def modularity(codes, factors, *, n_bins=20):
    r"""Modularity: whether a code knows of one factor only.

    .. math:: \frac 1M \sum_i \left( 1 - \frac{\sum_{k \ne b_i} I(z_i; v_k)^2}
              {(K - 1)\, I(z_i; v_{b_i})^2} \right)

    with :math:`v_{b_i}` the factor that the code :math:`z_i` knows most of [1]_. Codes are
    discretised in bins of equal width; constant ones do not count.

    Parameters
    ----------
    %(codes)s
    %(two_factors)s
    n_bins : int, default=20
        Bins of a code.

    Returns
    -------
    float
        From 0 to 1; higher is more modular. It does not ask how much a code knows, so that codes
        of pure noise are anywhere.

    Raises
    ------
    %(levels)s

    References
    ----------
    .. [1] Ridgeway, Mozer, "Learning Deep Disentangled Embeddings with the F-Statistic Loss",
       NeurIPS 2018.

    Examples
    --------
    >>> from skae.metrics import modularity
    >>> factors = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> modularity([[0.1, 5], [0.1, 9], [0.3, 5], [0.3, 9]], factors)
    1.0
    """
    codes, factors = _checked(codes, factors, min_factors=2)
    squared = _mutual_information(_varying(codes), factors, n_bins) ** 2
    best = squared.max(axis=1)
    others = squared.sum(axis=1) - best
    informed = best > 0  # a code may vary within one bin, and then knows nothing
    spread = np.divide(others, best * (factors.shape[1] - 1), where=informed, out=0 * best)
    return float((1 - spread)[informed].mean())


@_documented
def explicitness(codes, factors, *, random_state=None):
    """Explicitness: whether a linear classifier reads the factors from the codes.

    A logistic regression predicts a factor from all codes; the area under the ROC curve of each
    level against the rest on held-out rows, averaged over levels and factors [1]_.

    Parameters
    ----------
    %(codes)s
    %(factors)s
    random_state : int, RandomState instance or None, default=None
        Which quarter of the rows is held out.

    Returns
    -------
    float
        From 0.5 (chance) to 1.

    Raises
    ------
    %(shared_levels)s

    Notes
    -----
    One multinomial regression for each factor, not one against the rest for each level as in the
    paper: those cannot find a level in the middle of an ordered one.

    References
    ----------
    .. [1] Ridgeway, Mozer, "Learning Deep Disentangled Embeddings with the F-Statistic Loss",
       NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import explicitness
    >>> factors = np.random.default_rng(0).integers(3, size=(300, 2))
    >>> explicitness(factors * 0.1, factors, random_state=0)
    1.0
    """
    codes, factors = _checked(codes, factors)
    _check_shared(factors)
    rng = check_random_state(random_state)
    return float(np.mean([_mean_roc_auc(codes, factor, rng) for factor in factors.T]))


def _mean_roc_auc(codes, factor, rng):
    train, test, train_levels, test_levels = train_test_split(
        codes, factor, stratify=factor, random_state=rng
    )
    shares = _scaled_logistic_regression().fit(train, train_levels).predict_proba(test)
    present = np.unique(test_levels)  # a rare level may be in the training rows alone
    return np.mean([roc_auc_score(test_levels == level, shares[:, level]) for level in present])


def _check_shared(factors):
    for number, factor in enumerate(factors.T):
        if np.bincount(factor).min() < 2:
            raise ValueError(
                f"factors[:, {number}] has a level of one row, and each takes two or more. "
                "Give more rows, or coarser levels."
            )


def _rows_alike(factor, rows, rng):
    """For each of the rows, a random one with the same level of the factor."""
    counts = np.bincount(factor)
    starts = np.cumsum(counts) - counts
    levels = factor[rows]
    place = rng.uniform(size=rows.shape) * counts[levels]
    return np.argsort(factor, kind="stable")[starts[levels] + place.astype(int)]


@_documented
def factor_vae_score(codes, factors, *, n_batches=200, batch_size=100, random_state=None):
    """Score of FactorVAE: whether one code varies least where a factor is held fixed.

    A batch is drawn from the rows that share one level of a factor. The code of the smallest
    variance, relative to its variance over all rows, votes for this factor; the score is the share
    of votes for the factor that is most frequent for the code [1]_. Constant codes do not vote.

    Parameters
    ----------
    %(codes)s
    %(factors)s
    n_batches : int, default=200
        Batches for each factor; each has one vote.
    batch_size : int, default=100
        Rows of a batch, drawn with replacement.
    random_state : int, RandomState instance or None, default=None
        Which rows are drawn.

    Returns
    -------
    float
        From about ``1 / n_factors`` (chance) to 1.

    Raises
    ------
    %(shared_levels)s

    References
    ----------
    .. [1] Kim, Mnih, "Disentangling by Factorising", ICML 2018, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import factor_vae_score
    >>> factors = np.random.default_rng(0).integers(3, size=(300, 2))
    >>> factor_vae_score(factors * 0.1, factors, random_state=0)
    1.0
    """
    codes, factors = _checked(codes, factors)
    _check_shared(factors)
    rng = check_random_state(random_state)
    codes = StandardScaler().fit_transform(_varying(codes))
    votes = [_votes(codes, factor, (n_batches, batch_size), rng) for factor in factors.T]
    return float(np.max(votes, axis=0).sum() / np.sum(votes))


def _votes(codes, factor, shape, rng):
    """How often each code varies least."""
    first = rng.randint(len(codes), size=(shape[0], 1))
    rows = _rows_alike(factor, np.broadcast_to(first, shape), rng)
    return np.bincount(codes[rows].var(axis=1).argmin(axis=1), minlength=codes.shape[1])


@_documented
def beta_vae_score(codes, factors, *, n_batches=200, batch_size=64, random_state=None):
    r"""Score of the β-VAE: whether differences of codes tell which factor two rows share.

    A batch is of pairs of rows that share the level of one factor. A linear classifier predicts the
    factor from the mean of :math:`|z - z'|` over a batch; the score is its accuracy on held-out
    batches [1]_.

    Parameters
    ----------
    %(codes)s
    %(two_factors)s
    n_batches : int, default=200
        Batches for each factor; a quarter is held out.
    batch_size : int, default=64
        Pairs of a batch, drawn with replacement.
    random_state : int, RandomState instance or None, default=None
        Which rows are drawn, and which batches are held out.

    Returns
    -------
    float
        From about ``1 / n_factors`` (chance) to 1. Rotated codes may reach 1.

    Raises
    ------
    %(shared_levels)s

    References
    ----------
    .. [1] Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
       Framework", ICLR 2017, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import beta_vae_score
    >>> factors = np.random.default_rng(0).integers(3, size=(300, 2))
    >>> beta_vae_score(factors * 0.1, factors, random_state=0)
    1.0
    """
    codes, factors = _checked(codes, factors, min_factors=2)
    _check_shared(factors)
    rng = check_random_state(random_state)
    shape = (n_batches, batch_size)
    differences = np.concatenate([_differences(codes, one, shape, rng) for one in factors.T])
    fixed = np.repeat(np.arange(factors.shape[1]), n_batches)
    train, test, train_fixed, test_fixed = train_test_split(
        differences, fixed, stratify=fixed, random_state=rng
    )
    return float(_scaled_logistic_regression().fit(train, train_fixed).score(test, test_fixed))


def _differences(codes, factor, shape, rng):
    """Mean absolute differences of the pairs of each batch."""
    rows = rng.randint(len(codes), size=shape)
    return np.abs(codes[rows] - codes[_rows_alike(factor, rows, rng)]).mean(axis=1)


@_documented
def interventional_robustness(codes, factors, *, quantile=0.99):
    r"""Interventional robustness score (IRS): whether a code stays where its factor stays.

    .. math:: \sum_i w_i \max_k \left( 1 -
              \frac{\mathbb{E}_{v_k}\, q(|z_i - \mathbb{E}[z_i | v_k]|)}
              {q(|z_i - \mathbb{E}\, z_i|)} \right), \quad w_i \propto q(|z_i - \mathbb{E}\, z_i|)

    with `q` a high quantile, over the rows of a level above and over all rows below: how far other
    factors move a code whose factor is held fixed, relative to how far it moves at all [1]_. Levels
    of a factor count alike.

    Parameters
    ----------
    codes : array-like of shape (n_samples, n_components)
        Codes; those that move farther weigh more.
    factors : array-like of shape (n_samples, n_factors)
        Discrete factors: integers, strings or booleans, at least two levels each; they should be
        independent, as interventions would make them.
    quantile : float in (0, 1], default=0.99
        1 is the maximum of the paper, which one odd row decides.

    Returns
    -------
    float
        From 0 to 1; higher is more robust.

    Raises
    ------
    %(levels)s

    References
    ----------
    .. [1] Suter, Miladinovic, Schölkopf, Bauer, "Robustly Disentangled Causal Mechanisms", ICML
       2019.

    Examples
    --------
    >>> from skae.metrics import interventional_robustness
    >>> factors = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> interventional_robustness([[0.1, 5], [0.1, 9], [0.3, 5], [0.3, 9]], factors)
    1.0
    """
    codes, factors = _checked(codes, factors)
    codes = _varying(codes)
    total = _deviation(codes, quantile)
    within = np.array([_deviation_within_levels(codes, one, quantile) for one in factors.T])
    robustness = np.clip(1 - within / total, 0, 1).max(axis=0)
    return float(np.average(robustness, weights=total))


def _deviation(codes, quantile):
    return np.quantile(np.abs(codes - codes.mean(axis=0)), quantile, axis=0)


def _deviation_within_levels(codes, factor, quantile):
    levels = range(factor.max() + 1)
    return np.mean([_deviation(codes[factor == level], quantile) for level in levels], axis=0)
