"""The variational auto-encoder whose prior is a mixture of posteriors."""

from numbers import Integral

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skae.nn import VampPriorAutoEncoder
from skae.training import make_generator
from skae.utils import parameters_of
from skae.variational._vae import (
    VAE,
    VAE_ATTRIBUTES,
    VAE_DEFAULTS,
    VAE_PARAMETERS,
    documented_vae,
)

_PSEUDO_INPUTS = 101  # the stream of random numbers that chooses them


class VampPriorVAE(VAE):
    __doc__ = f"""Variational auto-encoder whose prior is learned: a mixture of posteriors.

    The bound is that of :class:`VAE`, with another prior: what the encoder gives for
    :math:`K` pseudo-inputs, rows that are learned with the networks,

    .. math:: p(z) = \\sum_{{k=1}}^K w_k\\, q(z \\mid u_k)

    (equation 9 of Tomczak & Welling, where the shares :math:`w_k` are equal; here they are so at
    first, and learned). Codes need not follow one normal distribution: clusters may
    stay apart, and `sample` draws from where codes are.

    Parameters
    ----------
    n_pseudo_inputs : int, default=50
        Parts of the prior, :math:`K`. They start as random training rows, and are learned as what
        the encoder sees of rows (scaled numbers, one-hot columns, embeddings).
    {VAE_PARAMETERS}
    {documented_vae(VAE_DEFAULTS)}

    Attributes
    ----------
    {VAE_ATTRIBUTES}

    See Also
    --------
    VAE : Its prior is standard normal.

    References
    ----------
    Tomczak & Welling, "VAE with a VampPrior", AISTATS 2018.

    Notes
    -----
    The divergence from a mixture has no closed form: in training it is :math:`\\log q(z \\mid x) -
    \\log p(z)` at one draw, in `score_samples` the mean over `skae.nn.cubature_points`, so that
    nothing is random. `free_bits` are for all codes of a row together.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import VampPriorVAE
    >>> X = load_iris().data
    >>> vae = VampPriorVAE(2, n_pseudo_inputs=10, max_epochs=20, random_state=0).fit(X)
    >>> vae.sample(3, random_state=0).shape
    (3, 4)
    """

    _parameter_constraints: dict = {
        **VAE._parameter_constraints,
        "n_pseudo_inputs": [Interval(Integral, 1, None, closed="left")],
    }

    _kept_names = VAE._kept_names | {"n_pseudo_inputs"}

    @parameters_of(VAE, VAE_DEFAULTS)
    def __init__(self, n_components="auto", *, n_pseudo_inputs=50, **inherited):
        super().__init__(n_components, **inherited)
        self.n_pseudo_inputs = n_pseudo_inputs

    def _joined(self, encoder, decoder, inputs, generator):
        n_in, n_outputs = self._widths(inputs)
        n_scales = self._likelihood.n_scales(n_outputs)
        unset = torch.zeros(self.n_pseudo_inputs, n_in, dtype=torch.float32)
        return VampPriorAutoEncoder(encoder, decoder, self.n_components_, n_scales, unset, inputs)

    def _set_start(self, module, rows, sample_weight):
        super()._set_start(module, rows, sample_weight)
        rows, weight = self._sample(rows, sample_weight)
        chosen = self._random_rows(weight, len(module.pseudo_inputs))
        encoded = torch.from_numpy(rows.encode(rows.X[chosen])).to(module.pseudo_inputs)
        with torch.no_grad():
            module.pseudo_inputs.copy_(module.seen(module.prepare(encoded)))

    def _random_rows(self, weight, n_rows):
        """Positions of rows, drawn by their weights; each is taken twice only if there are few."""
        generator = make_generator(torch.device("cpu"), self._seed, _PSEUDO_INPUTS)
        n_drawn = min(n_rows, len(weight))
        drawn = torch.multinomial(torch.from_numpy(weight), n_drawn, generator=generator)
        return np.resize(drawn.numpy(), n_rows)
