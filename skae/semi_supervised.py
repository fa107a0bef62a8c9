"""Classifiers of tables in which few rows have a label."""

import copy
from functools import partial
from numbers import Integral, Number, Real

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.extmath import softmax
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from skae.autoencoder import DenoisingAE
from skae.base import NetHolder, autoencoder_of, check_table, rich_n_components
from skae.datasets import check_in_memory
from skae.nn import AlignedProducts, CodeClassifier
from skae.objectives import ConsistentClassification
from skae.training import (
    AutoEncoderNet,
    TrainingData,
    UnpairedRows,
    WarmUp,
    annealing,
    make_generator,
)
from skae.utils import check_weight, drawn_seed, seeded

__all__ = ["SelfSupervisedClassifier"]

UNLABELLED = -1  # as in sklearn.semi_supervised
MOST_ITERATIONS = 1_000  # of the logistic regression that the head starts as


class SelfSupervisedClassifier(NetHolder, ClassifierMixin, BaseEstimator):
    r"""Classifier for few labels: an auto-encoder of all rows, fine-tuned on those with a label.

    1. The `estimator` learns from all rows, without labels.
    2. A linear head :math:`h` starts as the logistic regression on the codes of labelled rows [1]_.
    3. Encoder :math:`e` and head are trained together. With :math:`p(\cdot \mid x) =
       \mathrm{softmax}(h(e(x)))` and rows :math:`\tilde x` that are corrupted as in 1.,

       .. math:: -\log p(y_i \mid \tilde x_i)
           - \lambda \sum_c p(c \mid x_j) \log p(c \mid \tilde x_j)

       is minimised over labelled rows `i` and rows `j` of any kind: a row and its corrupted copy
       are to be of one class [2]_. An auto-encoder that corrupts nothing has no second term.

    Parameters
    ----------
    estimator : BaseAutoEncoder, default=None
        Any auto-encoder of skae, or :class:`~sklearn.frozen.FrozenEstimator` of a fitted one. None
        is :class:`~skae.DenoisingAE`, with codes of at least 8 columns, or as many as the table
        has. For images, and whatever else has clusters, take one with ``neighborhood_weight=1``.
    consistency_weight : float, default=1.0
        :math:`\lambda`, which rises linearly to this value over the first half of the epochs. 0:
        only labelled rows fine-tune.
    lr : float, default=1e-3
        Highest learning rate of fine-tuning, with Adam. It rises for a tenth of the epochs and
        falls to zero until the last, unless `callbacks` has an LRScheduler.
    batch_size : int, default=64
        Rows with a label a step, and as many of any kind.
    max_epochs : int, default=40
        Passes over all rows while fine-tuning, labelled ones being repeated; 0 leaves the codes as
        they are, and is logistic regression on them.
    callbacks : list, default=None
        Callbacks of skorch for fine-tuning; copied for each fit.
    random_state : int, RandomState or None, default=None
        For fine-tuning, and for the estimator where it has no `random_state` of its own.
    verbose : int, default=0
        Whether to print the loss of each epoch of fine-tuning.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    estimator_ : BaseAutoEncoder
        The auto-encoder of step 1, as it was before fine-tuning.
    history_ : DataFrame
        One row an epoch of fine-tuning: `epoch`, `train_loss`, `seconds`.
    n_iter_ : int
        Epochs of fine-tuning.
    net_ : skorch.NeuralNet
        The net that fine-tuned.
    module_ : nn.Module
        The fine-tuned encoder and its `head`, on encoded (scaled) float32 rows.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where `X` had names.

    See Also
    --------
    sklearn.semi_supervised.SelfTrainingClassifier : Labels rows by its own predictions.
    sklearn.semi_supervised.LabelSpreading : Spreads labels to the neighbours of rows.

    References
    ----------
    .. [1] Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform
       Out-of-Distribution", ICLR 2022: the head first, then all.
    .. [2] Laine & Aila, "Temporal Ensembling for Semi-Supervised Learning", ICLR 2017, section 2.1;
       Xie et al., "Unsupervised Data Augmentation for Consistency Training", NeurIPS 2020,
       equation 1.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import DenoisingAE, SelfSupervisedClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> few = y.copy()
    >>> few[y.argsort().reshape(3, 50)[:, 4:]] = -1  # four labels a species, else unknown
    >>> ae = DenoisingAE(max_epochs=20, contamination=0.1)
    >>> classifier = SelfSupervisedClassifier(ae, random_state=0).fit(X, few)
    >>> classifier.score(X, y) > 0.8
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"]), None],
        "consistency_weight": [Interval(Real, 0, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 0, None, closed="left")],
        "callbacks": [list, tuple, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        consistency_weight=1.0,
        lr=1e-3,
        batch_size=64,
        max_epochs=40,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.consistency_weight = consistency_weight
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    # ---- fitting ----

    def fit(self, X, y, sample_weight=None):
        """Learn from all rows, then from those that have a label.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            What the auto-encoder takes: numbers, words, categories, dates, missing cells.
        y : array-like of shape (n_samples,)
            Classes: numbers, booleans, or words (an array of object type, where some are unknown).
            -1 or a missing value (NaN, None) is a row without a label.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in all three steps, with a label or without. Only proportions
            matter; a row of weight 0 is as if it were not there.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the labels of `y` are of fewer than two classes, or words beside numbers, or `X` or a
            parameter cannot be used.
        TypeError
            If `estimator` is no auto-encoder of skae, or in a Pipeline, or `X` a table in chunks.
        """
        self._validate_params()
        vars(self).pop("n_iter_", None)  # a fit that fails leaves an estimator that is not fitted
        table = self._check_table(X, reset=True)
        weight = check_weight(sample_weight, len(table))
        labelled, self.classes_, classes = self._check_labels(y, len(table), weight)
        rng = check_random_state(self.random_state)
        autoencoder = seeded(clone(self._autoencoder()), rng)
        self.estimator_ = autoencoder.fit(X, None, sample_weight=weight)
        self._seed = drawn_seed(rng)
        self._tuned = copy.deepcopy(autoencoder_of(self.estimator_))
        self._tuned._take_device()
        rows = self._encoded_rows(X)
        self.net_ = self._build_net(rows[labelled], classes, _proportions(weight, labelled))
        self._fine_tune(rows, labelled, classes, weight)
        for net in (self._tuned.net_, self.net_):
            net.drop_optimizers()
        return self

    def _autoencoder(self):
        """What learns from all rows, checked."""
        if self.estimator is None:
            return DenoisingAE(rich_n_components(self.n_features_in_))
        autoencoder_of(self.estimator)
        frozen = isinstance(self.estimator, FrozenEstimator)
        if isinstance(self.estimator.estimator if frozen else self.estimator, Pipeline):
            raise TypeError(
                f"estimator has to be the auto-encoder itself, but it is {self.estimator!r}. Put "
                f"the steps before {type(self).__name__}, in a Pipeline that ends in it."
            )
        return self.estimator

    def _check_table(self, X, reset=False):
        check_in_memory(X, type(self).__name__, "Pass a data frame or an array.")
        return check_table(self, X, reset)

    def _check_labels(self, y, n_rows, weight):
        """Positions of the rows with a label, the labels that there are, and which each has."""
        y = self._check_y(y, n_rows)
        labelled = _labelled(y, weight)
        labels = _of_one_type(y[labelled])
        if len(labels):
            assert_all_finite(labels, input_name="y")
            check_classification_targets(labels)
        classes, of_rows = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"y must have labels of at least two classes; {UNLABELLED} and missing values are "
                f"rows without a label. {len(labelled)} rows have one, of "
                f"{len(classes)} {'class' if len(classes) == 1 else 'classes'}."
            )
        return labelled, classes, of_rows

    def _check_y(self, y, n_rows):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        if not isinstance(getattr(y, "dtype", np.dtype(float)), np.dtype):
            y = np.array(list(y), dtype=object)  # nullable integers would become floats
        y = column_or_1d(y, warn=True)
        check_consistent_length(range(n_rows), y)
        if y.dtype.kind == "U" and (y == str(UNLABELLED)).any():
            raise ValueError(
                f"y is an array of text, in which {UNLABELLED} is a word like the others. To mark "
                "rows without a label beside words, pass np.array(y, dtype=object), with None."
            )
        return y

    def _encoded_rows(self, X):
        """All rows as the corruption takes them; the encoder bears their missing cells."""
        # Checked by the auto-encoder, too: one that is frozen has columns of its own.
        rows = self._tuned._check_table(X).encoded(self._tuned._encoder)
        self._tuned._tolerate_missing(rows)
        return torch.as_tensor(rows.encode(rows.X), device=self._tuned._device)

    def _build_net(self, rows, classes, weight):
        module = self._tuned.module_
        with torch.no_grad():
            codes = module.encode(module.prepare(rows)).cpu().numpy()
        corrupts = self._tuned._corruption() is not None
        net = AutoEncoderNet(
            CodeClassifier(module, *_logistic_regression(codes, classes, weight)),
            ConsistentClassification(self.consistency_weight if corrupts else 0.0),
            optimizer=torch.optim.Adam,
            lr=self.lr,
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            device=str(rows.device),
            verbose=self.verbose,
        )
        return net.initialize()

    def _fine_tune(self, rows, labelled, classes, weight):
        label = rows.new_full((len(rows), 1), UNLABELLED)
        label[labelled, 0] = torch.as_tensor(classes, dtype=rows.dtype, device=rows.device)
        rows = torch.cat([rows, label], dim=1)
        corruption = self._tuned._corruption()
        data = TrainingData(
            rows=_pairs(rows, labelled, weight),
            generator=make_generator(rows.device, self._seed),
            corrupt=partial(_corrupted, corruption),
            prepare=partial(_of_pairs, self.module_.prepare),
        )
        schedule = annealing(self.callbacks, self.max_epochs)
        self._train_net(data, [*schedule, WarmUp(max(1, self.max_epochs / 2))])

    # ---- predicting ----

    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_classes)
            In the order of `classes_`; each row sums to 1.
        """
        check_is_fitted(self)
        rows = self._check_table(X).encoded(self._tuned._encoder)
        encoder, head = self._tuned._network(rows)[0], self.module_.head

        def logits(x):
            return head(encoder.encode(encoder.prepare(x)))

        with AlignedProducts():  # that of the head
            values = self._tuned._map(rows, logits, len(self.classes_), np.float64)
        return softmax(values, copy=False)

    def predict(self, X):
        """Tell the classes of rows.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of shape (n_samples,)
            The likeliest of `classes_`.
        """
        likeliest = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likeliest]

    def score(self, X, y, sample_weight=None):
        """Tell how many of the rows that have a label are predicted right.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows in original units.
        y : array-like of shape (n_samples,)
            Their classes; rows without a label, marked as in :meth:`fit`, are left out.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            Accuracy.

        Raises
        ------
        ValueError
            If no row has a label.
        """
        predicted = self.predict(X)
        y, weight = self._check_y(y, len(predicted)), check_weight(sample_weight, len(predicted))
        labelled = _labelled(y, weight)
        if not len(labelled):
            raise ValueError(f"y has no label: all rows are {UNLABELLED}, missing, or of weight 0.")
        labels, weight = _of_one_type(y[labelled]), None if weight is None else weight[labelled]
        return accuracy_score(labels, predicted[labelled], sample_weight=weight)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_iter_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _labelled(y, weight):
    """Positions of the rows that have a label, and count."""
    known = np.flatnonzero(~pd.isna(y) & (True if weight is None else weight > 0))
    return known[y[known] != UNLABELLED]  # NA compares with nothing


def _of_one_type(labels):
    """Labels, those of object type as what they are: words, booleans or numbers."""
    if labels.dtype != object:
        return labels
    of_kind = {_kind(label): label for label in labels}
    if len(of_kind) > 1:
        examples = " and ".join(repr(label) for label in of_kind.values())
        raise ValueError(
            f"y has labels of several kinds, such as {examples}. Pass all of them as words, or all "
            "as numbers."
        )
    return labels if str in of_kind else np.array(labels.tolist())


def _kind(label):
    kinds = (str, (bool, np.bool_), Number)  # a boolean is a number, too
    return next((kind for kind in kinds if isinstance(label, kind)), type(label))


def _pairs(rows, labelled, weight):
    """Labelled rows beside rows of any kind, as far as they count."""
    if weight is None:
        return UnpairedRows(rows[labelled], rows)
    domains = labelled, np.flatnonzero(weight)
    weights = (rows.new_tensor(_proportions(weight, of)) for of in domains)
    return UnpairedRows(*(rows[of] for of in domains), *weights)


def _proportions(weight, rows):
    """Weights of some rows, 1 on average; None where there are none."""
    return None if weight is None else weight[rows] / weight[rows].mean()


def _logistic_regression(codes, classes, sample_weight):
    """Weight (n_classes, n_codes) and bias (n_classes,) of the head, for codes in any units."""
    scaler = StandardScaler().fit(codes, sample_weight=sample_weight)
    regression = LogisticRegression(max_iter=MOST_ITERATIONS)
    regression.fit(scaler.transform(codes), classes, sample_weight)
    weight = regression.coef_ / scaler.scale_
    bias = regression.intercept_ - weight @ scaler.mean_
    if len(bias) == 1:  # of two classes it has only the difference
        weight, bias = (np.concatenate([-half, half]) for half in (weight / 2, bias / 2))
    return (torch.as_tensor(values, dtype=torch.float32) for values in (weight, bias))


def _corrupted(corruption, pairs, generator):
    """Corrupt pairs of rows, (n_pairs, 2, n_columns), and leave their labels out."""
    if corruption is None:
        return pairs[..., :-1]
    return _of_pairs(partial(corruption, generator=generator), pairs[..., :-1])


def _of_pairs(function, pairs):
    """Apply a function of rows to pairs of them."""
    return function(pairs.flatten(0, 1)).unflatten(0, (-1, 2))
