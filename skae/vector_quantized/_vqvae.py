"""The auto-encoder whose codes are integers."""

import copy
import warnings
from functools import partial
from numbers import Integral

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.utils import check_array
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, SamplingMixin, documented
from skae.exceptions import CodebookWarning
from skae.nn import QuantizedAutoEncoder, TokenPrior
from skae.objectives import Batch, QuantizedReconstruction, TokenLikelihood
from skae.training import (
    AutoEncoderNet,
    BestWeights,
    InMemoryRows,
    TrainingData,
    make_generator,
)
from skae.utils import inferred_frame, parameters_of
from skae.vector_quantized._quantizers import QUANTIZERS, FiniteScalarQuantizer

_PRIOR = 103  # the stream of random numbers of the prior
PRIOR_UNITS = 256
PRIOR_EPOCHS = 50
# Of all integers of a row together: a layer of the prior has as many inputs and outputs.
MOST_VALUES = 2**14
# Codebooks used less than this are worth a warning.
LOW_USAGE = 0.5


class VQVAE(SamplingMixin, EncoderDecoder):
    __doc__ = f"""Vector-quantised auto-encoder: a row becomes a few integers, and comes back.

    A quantiser replaces the code :math:`z` by one of finitely many, :math:`\\hat z`, and only these
    are decoded,

    .. math:: -\\frac 1 d \\log p(x \\mid \\hat z)
        + \\frac \\beta k \\|z - \\operatorname{{sg}}(\\hat z)\\|^2

    (equation 3 of van den Oord et al.; codebooks follow moving means, appendix A.1;
    :math:`\\beta` is the quantiser's, and sg stops the gradient). After training a masked
    autoregressive network learns how likely integers are, :math:`p(t) = \\prod_j p(t_j \\mid t_1
    \\dots t_{{j-1}})`: `sample` draws from it, and unlikely integers lower the score.

    Parameters
    ----------
    quantizer : {{FiniteScalarQuantizer, VectorQuantizer, ResidualQuantizer}}, default=None
        Turns codes into integers. None is ``FiniteScalarQuantizer()``, 3 bits a component. A search
        reaches the parameters of one that is given, as in ``quantizer__n_levels``.
    n_sweeps : int, default=1
        How often the integers of a row are improved on after training: each is tried at all its
        values, given the others, and takes the one whose decoded row loses least. A sweep decodes a
        row as often as there are values of its integers together, 8 a component by default. `fit`
        sweeps over the training rows for the prior, and over the rows that set the threshold: of
        images with 8 components that takes as long as 15 to 30 epochs. 0 takes what the encoder
        gives.
    output : {{"codes", "embeddings"}}, default="codes"
        What `transform` gives: integers, or the codes that they stand for, which are numbers.
    {documented(DEFAULTS)}

    Attributes
    ----------
    codebook_usage_ : ndarray of shape (n_tokens,)
        Share of the values of each integer that training rows have.
    perplexity_ : ndarray of shape (n_tokens,)
        Exponential of the entropy of each integer: how many equally frequent values it is worth.
    {ATTRIBUTES}

    See Also
    --------
    VAE : Codes that are distributions.

    References
    ----------
    van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete Representation Learning", NeurIPS 2017;
    the prior: Germain et al., "MADE", ICML 2015.

    Notes
    -----
    `score_samples` is minus the loss of a cell and the improbability of the integers over the
    columns, :math:`-\\frac 1 d (\\log p(x \\mid \\hat z) + \\log p(t))`, whose second part all
    columns that vary and are not missing share equally in `feature_contributions`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import VQVAE
    >>> X = load_iris().data
    >>> vqvae = VQVAE(2, max_epochs=20, random_state=0).fit(X)
    >>> codes = vqvae.transform(X)
    >>> codes.dtype, codes.shape
    (dtype('int64'), (150, 2))
    >>> vqvae.inverse_transform(codes).shape
    (150, 4)
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "quantizer": [*QUANTIZERS, None],
        "output": [StrOptions({"codes", "embeddings"})],
        "n_sweeps": [Interval(Integral, 0, None, closed="left")],
    }

    _kept_names = EncoderDecoder._kept_names | {"quantizer"}

    @parameters_of(EncoderDecoder)
    def __init__(
        self, n_components="auto", *, quantizer=None, n_sweeps=1, output="codes", **inherited
    ):
        super().__init__(n_components, **inherited)
        self.quantizer = quantizer
        self.n_sweeps = n_sweeps
        self.output = output

    # ---- the network ----

    def _start(self, X, sample_weight):
        self._quantizer = self._checked_quantizer()
        super()._start(X, sample_weight)

    def _checked_quantizer(self):
        quantizer = FiniteScalarQuantizer() if self.quantizer is None else clone(self.quantizer)
        quantizer._validate_params()
        return quantizer

    def _kept_parameters(self):
        kept = super()._kept_parameters()
        kept.pop("quantizer__commitment_weight", None)  # that of the objective
        return kept

    def _default_n_components(self, n_in, inputs):
        width = self._quantizer._width
        return -(-super()._default_n_components(n_in, inputs) // width) * width

    def _joined(self, encoder, decoder, inputs, generator):
        if self.n_components_ % self._quantizer._width:
            raise ValueError(
                f"n_components must be a multiple of {self._quantizer._width}, as {self._quantizer}"
                f" parts codes. Got {self.n_components_} instead."
            )
        quantizer = self._quantizer._build(self.n_components_)
        n_values = quantizer.n_tokens * quantizer.codebook_size
        if n_values > MOST_VALUES:
            raise ValueError(
                f"{self._quantizer} makes {quantizer.n_tokens} integers of n_components="
                f"{self.n_components_}, of {quantizer.codebook_size} values each: {n_values} "
                f"together, where their prior takes {MOST_VALUES}, as its weights are as many as "
                "their square. Take smaller codebooks (n_levels, group_size, codebook_size) or "
                "fewer components."
            )
        return QuantizedAutoEncoder(encoder, decoder, quantizer, inputs)

    def _linear_codes(self, pca):
        if self._quantizer._whitened:
            return super()._linear_codes(pca)
        scale = pca.scale[0]
        return pca.axes / scale, (pca.axes * scale).T

    def _set_start(self, module, rows, sample_weight):
        super()._set_start(module, rows, sample_weight)
        self._starts_from_pca = False  # rounded codes are not PCA's
        rows, weight = self._sample(rows, sample_weight)
        device = next(module.parameters()).device
        with torch.no_grad():
            x = torch.as_tensor(rows.encode(rows.X), device=device)
            z = module.eval().encoder(module.seen(module.prepare(x)))  # no dropout, nothing drawn
        module.quantizer.start(z, torch.as_tensor(weight), self._seed)

    def _objective(self):
        commitment_weight = self._checked_quantizer().commitment_weight
        return QuantizedReconstruction(self._likelihood, commitment_weight)

    # ---- integers ----

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of shape (n_samples, n_tokens), or a DataFrame after `set_output`
            Integers, int64. With ``output="embeddings"`` the codes that they stand for,
            (n_samples, n_components), of the float type of `X`.
        """
        return super().transform(X)

    def _transformed(self, table):
        chosen = {"output": self.output}  # may be set after `fit`
        limits = {name: self._parameter_constraints[name] for name in chosen}
        validate_parameter_constraints(limits, chosen, type(self).__name__)
        if self.output == "embeddings":
            return super()._transformed(table)
        return self._tokens(table.encoded(self._encoder))

    def _tokens(self, rows):
        module, likelihood = self._network(rows)
        tokens = partial(self._searched, module, likelihood)
        return self._map(rows, tokens, module.quantizer.n_tokens, np.int64)

    def _searched(self, module, likelihood, x):
        """Integers of encoded rows."""
        tokens = module.tokens(module.prepare(x))
        for _ in range(self.n_sweeps):
            tokens = module.searched(tokens, lambda output: likelihood.row_loss(output, x))
        return tokens

    def _encoded(self, module, likelihood, x):
        return module.quantizer.embed(self._searched(module, likelihood, x))

    @property
    def _n_features_out(self):
        return self.n_components_ if self.output == "embeddings" else self._n_tokens

    @property
    def _n_tokens(self):
        return self.module_.quantizer.n_tokens

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_tokens) or (n_samples, n_components)
            Integers, of an integer type (nullable ones and objects included), or the codes that
            they stand for, of a float type.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows in the units that `fit` saw. Of a table of numbers, a DataFrame where `X` is one;
            of any other, a DataFrame with the columns and types that `fit` saw.

        Warns
        -----
        UserWarning
            If cells of a float type are all integers that `transform` may give.
        """
        return super().inverse_transform(X)

    def _check_codes(self, X):
        codes, n_values = check_array(X, input_name="X"), self.module_.quantizer.codebook_size
        if _of_integer_type(X):
            return self._embeddings(codes.astype(np.int64), n_values)
        if codes.any() and np.isin(codes, np.arange(n_values)).all():  # 0 alone is the mean code
            warnings.warn(
                "X has whole numbers of a float type, which are taken for embeddings. If they are "
                "the integers of transform, pass them as such: X.astype(int).",
                UserWarning,
                stacklevel=4,  # past both `inverse_transform`
            )
        return super()._check_codes(X)

    def _embeddings(self, tokens, n_values):
        """What integers stand for, float64 of shape (n_samples, n_components)."""
        if tokens.shape[1] != self._n_tokens or not (0 <= tokens.min() <= tokens.max() < n_values):
            raise ValueError(
                f"Integer codes must have {self._n_tokens} columns and values from 0 to "
                f"{n_values - 1}, as transform returns them. Got {tokens.shape[1]} columns with "
                f"values from {tokens.min()} to {tokens.max()}."
            )
        return self._embedded(torch.as_tensor(tokens)).cpu().numpy().astype(float)

    def _embedded(self, tokens):
        with torch.inference_mode():
            return self.module_.quantizer.embed(tokens.to(torch.device(self.net_.device)))

    # ---- how likely they are ----

    def _calibrate(self, table, with_earlier=False):
        rows, weight = self._sample(*table.start_rows(with_held_out=False))
        tokens = torch.from_numpy(self._tokens(rows))
        weight = torch.as_tensor(weight / weight.mean(), dtype=torch.float32)
        counts = _counts(tokens, self.module_.quantizer.codebook_size, weight)
        self._describe_usage(counts, len(tokens))
        if not (with_earlier and hasattr(self, "prior_")):
            self.prior_ = self._starting_prior(counts)
        self._train_prior(tokens, weight)
        super()._calibrate(table, with_earlier)

    def _describe_usage(self, counts, n_rows):
        frequencies = counts / counts.sum(dim=1, keepdim=True)
        self.codebook_usage_ = (counts > 0).double().mean(dim=1).numpy()
        self.perplexity_ = torch.special.entr(frequencies).sum(dim=1).exp().double().numpy()
        possible = min(1.0, n_rows / counts.shape[1])
        if self.codebook_usage_.mean() < LOW_USAGE * possible:
            warnings.warn(
                f"Training rows have {self.codebook_usage_.mean():.0%} of the values that their "
                "codes may take. Take a smaller codebook, or raise revive_below.",
                CodebookWarning,
                stacklevel=2,
            )

    def _starting_prior(self, counts):
        log_frequencies = torch.log((counts + 1) / (counts + 1).sum(dim=1, keepdim=True))
        generator = make_generator(torch.device("cpu"), self._seed, _PRIOR)
        return TokenPrior(log_frequencies, PRIOR_UNITS, generator)

    def _train_prior(self, tokens, weight):
        generator = make_generator(torch.device("cpu"), self._seed, _PRIOR, self.n_iter_)
        order = torch.randperm(len(tokens), generator=generator)
        held_out, training = order.tensor_split([len(order) // 10])
        if not len(held_out):
            return
        net = AutoEncoderNet(
            self.prior_,
            TokenLikelihood(),
            optimizer=torch.optim.Adam,
            lr=1e-3,
            batch_size=128,
            max_epochs=min(self.max_epochs, PRIOR_EPOCHS),
            device="cpu",
            verbose=0,
        ).initialize()
        net.callbacks = [BestWeights(patience=5, tol=1e-3, restore=True, start_competes=True)]
        net.initialize_callbacks()
        valid = Batch(tokens[held_out], tokens[held_out], weight[held_out])
        rows = InMemoryRows(tokens[training], weight[training])
        net.partial_fit(TrainingData(rows=rows, generator=generator, valid=valid))
        self.prior_ = net.module_.eval()

    def _row_loss(self, module, likelihood, x):
        tokens = self._searched(module, likelihood, x)
        loss = likelihood.row_loss(module.decode_tokens(tokens), x)
        return loss + self._code_shares(tokens, x).sum(dim=1)

    def _shares(self, module, likelihood, x):
        tokens = self._searched(module, likelihood, x)
        shares = likelihood.shares(module.decode_tokens(tokens), x)
        return shares + self._code_shares(tokens, x)

    def _code_shares(self, tokens, x):
        """Nats of the integers over the columns, (n_samples, n_features), in equal parts."""
        first_parts = self._encoder.schema_.first_parts
        varies = torch.as_tensor(~self._encoder.constant_[first_parts], device=x.device)
        blamed = (varies & ~x[:, first_parts].isnan()).to(x.dtype)
        total = blamed.sum(dim=1).clamp(min=1) * self.n_features_in_
        return blamed * (self._nats(tokens) / total)[:, None]

    def _nats(self, tokens):
        prior = self.prior_
        if tokens.device.type != "cpu":
            prior = copy.deepcopy(prior).to(tokens.device)
        return -prior.log_prob(tokens)

    def _sample_codes(self, n_samples):
        return self._embedded(self.prior_.sample(n_samples))

    def _log_prior(self, codes):
        raise TypeError(
            f"The prior of {type(self).__name__} gives integers probabilities, and codes no "
            "density. Take another sampler, such as 'gaussian_mixture'."
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.output == "codes":
            tags.transformer_tags.preserves_dtype = []
        return tags


def _of_integer_type(X):
    """Whether all cells are of an integer type, of pandas' nullable ones, or objects that are."""
    return all(map(pd.api.types.is_integer_dtype, inferred_frame(X).dtypes))


def _counts(tokens, n_values, weight):
    """Weights of the values of each integer, (n_tokens, n_values)."""
    counts = torch.zeros(tokens.shape[1], n_values, dtype=torch.float32)
    return counts.scatter_add_(1, tokens.T, weight.expand(tokens.shape[1], -1))
