"""Translation between two domains of which no row of one belongs to a row of the other."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skae.base import NetHolder, check_input_shape, default_hidden_layer_sizes, layer_sizes
from skae.nn import (
    ACTIVATIONS,
    AlignedProducts,
    PatchDiscriminator,
    ResNetTranslator,
    SkipMLP,
    Translators,
)
from skae.objectives import CycleConsistency
from skae.preprocessing import SCALER_NAMES, TableScaler, affine_transport
from skae.training import (
    AutoEncoderNet,
    LinearDecay,
    TrainingData,
    UnpairedRows,
    annealing,
    make_generator,
    map_rows,
    resolve_device,
)
from skae.utils import FLOAT_TYPES, check_numbers, drawn_seed, frame_library, frame_like

__all__ = ["CycleGAN"]

# Of Adam, in the place of its (0.9, 0.999): what the paper trains both networks with.
BETAS = (0.5, 0.999)
# What discriminators say at first, between 0 and 1: from random judgements translators would learn
# to leave a good start.
UNDECIDED = 0.5
# One seed a fit, and from it a stream for each network and for training.
_A_TO_B, _B_TO_A, _JUDGE_OF_A, _JUDGE_OF_B, _TRAINING = range(5)


class CycleGAN(NetHolder, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    r"""Translate rows from one domain to another, learned without pairs.

    Two translators `G` (from A to B) and `F` (back) and two discriminators play

    .. math:: \mathcal L(G, F) = (D_B(G(a)) - 1)^2 + (D_A(F(b)) - 1)^2
        + \lambda \left(|F(G(a)) - a| + |G(F(b)) - b|\right)
        + \mu \left(|G(b) - b| + |F(a) - a|\right),

    averaged over rows `a` of A and `b` of B; discriminators learn to give 1 to real rows and 0 to
    those that translators make or made a while ago.

    That translated rows look real, and come back, does not say which row goes where: digits could
    all change their class. So training begins at an affine map that keeps the geometry of the
    domain: rows go where the distances to all other rows are alike (`init`).

    Parameters
    ----------
    input_shape : tuple of int, default=None
        Channels, height and width of images, whose pixels are the columns: translators are
        residual convolutional networks and discriminators judge patches. None: tables, with
        perceptrons.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Units of the hidden layers of each network, for tables. "auto" is one layer of twice as
        many units as features, but at least 64 and at most 256.
    activation : {"relu", "tanh", "silu", "gelu", "elu", "logistic", "identity"}, default="relu"
        Non-linearity of the hidden layers, for tables.
    init : {"transport", "identity"}, default="transport"
        Where translators start, which are a linear path beside a network that is zero at first.
        "transport": at :func:`skae.preprocessing.affine_transport`; takes seconds, and a square
        matrix of the features. "identity": rows stay as they are; for large images.
    cycle_weight : float, default=10.0
        Weight :math:`\lambda` of the cycles.
    identity_weight : float, default=0.0
        Weight :math:`\mu` of rows that are in the target domain already. Where domains share
        what should stay (colours), the paper has half the `cycle_weight`.
    history_size : int, default=50
        Generated rows of each domain from which a discriminator learns beside new ones.
    scaler : {"standard", "minmax", "quantile"} or None, default="minmax"
        What is done to columns inside, over both domains. Unit variance makes rarely used pixels
        as large as others, and distances between images say less.
    lr : float, default=2e-4
        Learning rate of both optimizers, Adam; constant for half of the epochs, then linearly
        down to zero, unless `callbacks` has an LRScheduler, which changes that of the translators
        and leaves that of the discriminators constant.
    batch_size : int, default=64
        Rows of each domain a step.
    max_epochs : int, default=100
        Passes over the larger domain; 0 leaves the start as it is.
    callbacks : list, default=None
        Callbacks of skorch; copied for each fit.
    device : str, default="auto"
        "auto" is a CUDA GPU where there is one, else the CPU; or "cpu", "cuda", "cuda:0", "mps".
    random_state : int, RandomState or None, default=None
        The same number (and number of threads) gives the same bits.
    verbose : int, default=0
        Whether to print the loss of each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels of domains A and B: the two values of `y`, sorted.
    history_ : DataFrame
        One row an epoch: `epoch`, `train_loss` (that of the translators), `seconds`.
    n_iter_ : int
        Epochs trained.
    net_ : skorch.NeuralNet
        The net that trained; discriminators are in its `criterion_`.
    module_ : nn.Module
        The translators `a_to_b` and `b_to_a`, on scaled float32 rows.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where `X` had names.

    References
    ----------
    Zhu, Park, Isola & Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent
    Adversarial Networks", ICCV 2017, equation 3 and sections 4 and 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import CycleGAN
    >>> X = np.random.default_rng(0).exponential(size=(200, 3))
    >>> domain = np.arange(200) % 2
    >>> X[domain == 1] *= -1
    >>> translator = CycleGAN(max_epochs=1, random_state=0).fit(X, domain)
    >>> translator.transform([[1.0, 2.0, 3.0]]).round()
    array([[-1., -2., -3.]])
    """

    _parameter_constraints: dict = {
        "input_shape": ["array-like", None],
        "hidden_layer_sizes": ["array-like", StrOptions({"auto"})],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "init": [StrOptions({"transport", "identity"})],
        "cycle_weight": [Interval(Real, 0, None, closed="left")],
        "identity_weight": [Interval(Real, 0, None, closed="left")],
        "history_size": [Interval(Integral, 0, None, closed="left")],
        "scaler": [StrOptions(set(SCALER_NAMES)), None],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 0, None, closed="left")],
        "callbacks": [list, tuple, None],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        input_shape=None,
        hidden_layer_sizes="auto",
        activation="relu",
        init="transport",
        cycle_weight=10.0,
        identity_weight=0.0,
        history_size=50,
        scaler="minmax",
        lr=2e-4,
        batch_size=64,
        max_epochs=100,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.input_shape = input_shape
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.history_size = history_size
        self.scaler = scaler
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y):
        """Learn both translations.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows of both domains, in any order: finite numbers.
        y : array-like of shape (n_samples,)
            The domain of each row: two values. The smaller one is A, the larger one B
            (`classes_`).

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If `y` does not name exactly two domains, or `X` or a parameter cannot be used.
        """
        self._validate_params()
        vars(self).pop("n_iter_", None)  # a fit that fails leaves an estimator that is not fitted
        if y is not None and pd.isna(np.asarray(y, dtype=object)).any():
            raise ValueError(
                "y contains NaN or None: name the domain of each row, or leave it out."
            )
        X, y = self._numbers(X, y)
        if self.input_shape is not None:
            check_input_shape(self.input_shape, self.n_features_in_)
        self.classes_, domain = self._domains(y)
        self._seed = drawn_seed(self.random_state)
        device = resolve_device(self.device)
        self._scaler = TableScaler(self.scaler, getattr(self, "feature_names_in_", None)).fit(X)
        a, b = (self._scaler.transform(X[domain == i]) for i in (0, 1))
        module = Translators(self._translator(_A_TO_B), self._translator(_B_TO_A))
        self._start(module, a, b)
        self.net_ = self._build_net(module, device)
        rows = UnpairedRows(*(torch.from_numpy(rows).to(device) for rows in (a, b)))
        data = TrainingData(rows, make_generator(device, self._seed, _TRAINING))
        self._train_net(data, annealing(self.callbacks, self.max_epochs, LinearDecay))
        self.net_.criterion_.forget()
        return self

    def _numbers(self, X, *y, **checks):
        """Rows, and their domains in `fit`, as arrays."""
        if frame_library(X):  # of arrays scikit-learn says the same
            check_numbers(X)
        checks |= {"dtype": FLOAT_TYPES, "ensure_all_finite": "allow-nan"}
        checked = validate_data(self, X, *y, **checks)
        if np.isnan(checked[0] if y else checked).any():
            raise ValueError(
                "X contains NaN, and CycleGAN takes no missing cells. Fill those of each domain "
                "first, as impute of an auto-encoder does."
            )
        return checked

    def _domains(self, y):
        check_classification_targets(y)
        classes, domain = np.unique(y, return_inverse=True)
        if len(classes) != 2:
            raise ValueError(
                f"y must name two domains, one for each row of X, but it has {len(classes)} "
                f"{'class' if len(classes) == 1 else 'classes'}: {classes[:5].tolist()!r}."
            )
        return classes, domain

    def _generator(self, purpose):
        return make_generator(torch.device("cpu"), self._seed, purpose)

    def _layer_sizes(self):
        if isinstance(self.hidden_layer_sizes, str):
            return default_hidden_layer_sizes(self.n_features_in_)
        return layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes, " or 'auto'")

    def _translator(self, purpose):
        generator, n_features = self._generator(purpose), self.n_features_in_
        if self.input_shape is not None:
            return ResNetTranslator(self.input_shape, self.init == "transport", generator)
        return self._mlp(n_features, generator)

    def _discriminator(self, purpose):
        generator = self._generator(purpose)
        if self.input_shape is not None:
            return PatchDiscriminator(self.input_shape, UNDECIDED, generator)
        judge = self._mlp(1, generator)
        judge.start_linear(torch.zeros(1, self.n_features_in_), torch.tensor([UNDECIDED]))
        return judge

    def _mlp(self, n_out, generator):
        sizes = self._layer_sizes()
        return SkipMLP(self.n_features_in_, n_out, sizes, self.activation, True, generator)

    def _start(self, module, a, b):
        """Let the linear paths be the transport of A to B and back, or do nothing at first."""
        if self.init == "transport":
            there = affine_transport(a.astype(np.float64), b.astype(np.float64))
            _start_at(module.a_to_b, there.matrix, there.bias)
            _start_at(module.b_to_a, there.inverse.matrix, there.inverse.bias)
        elif self.input_shape is None:
            unmoved = np.eye(self.n_features_in_), np.zeros(self.n_features_in_)
            _start_at(module.a_to_b, *unmoved)
            _start_at(module.b_to_a, *unmoved)

    def _build_net(self, module, device):
        objective = CycleConsistency(
            self._discriminator(_JUDGE_OF_A),
            self._discriminator(_JUDGE_OF_B),
            self.cycle_weight,
            self.identity_weight,
            self.history_size,
        )
        net = AutoEncoderNet(
            module,
            objective,
            optimizer=torch.optim.Adam,
            optimizer__betas=BETAS,
            lr=self.lr,
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            device=str(device),
            verbose=self.verbose,
        )
        return net.initialize()

    def transform(self, X):
        """Translate rows of domain A to domain B.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows of A, in original units.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows of B, of the float type of `X`; a DataFrame where `X` is one, or after
            `set_output`.
        """
        check_is_fitted(self)
        return frame_like(X, self._mapped(X, self.module_.a_to_b), self.get_feature_names_out())

    def inverse_transform(self, X):
        """Translate rows of domain B to domain A.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows of B, in original units.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows of A; a DataFrame where `X` is one.
        """
        check_is_fitted(self)
        return frame_like(X, self._mapped(X, self.module_.b_to_a), self.get_feature_names_out())

    def reconstruct(self, X):
        """Translate rows of domain A to domain B and back: what a cycle makes of them.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows of A, in original units.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows of A; a DataFrame where `X` is one.
        """
        check_is_fitted(self)
        return frame_like(X, self._mapped(X, self.module_), self.get_feature_names_out())

    def _mapped(self, X, module):
        """Original rows through a module, in original units."""
        X = self._numbers(X, reset=False)
        device = torch.device(self.net_.device)
        with AlignedProducts():
            scaled = map_rows(
                module, module, X, self._scaler.transform, self.n_features_in_, device
            )
        return self._scaler.inverse_transform(scaled).astype(X.dtype, copy=False)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_iter_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _start_at(translator, matrix, bias):
    weight = torch.as_tensor(matrix.T, dtype=torch.float32)
    translator.start_linear(weight, torch.as_tensor(bias, dtype=torch.float32))
