"""The auto-encoder whose codes a discriminator takes for draws of the prior."""

from skae.base import ATTRIBUTES, DEFAULTS, documented
from skae.objectives import AdversarialReconstruction
from skae.utils import parameters_of
from skae.variational._discriminators import (
    code_discriminator,
    documented_discriminator,
)
from skae.variational._wasserstein_ae import WassersteinAE

DISCRIMINATOR_LAYER_SIZES = (128, 128)


class AdversarialAE(WassersteinAE):
    __doc__ = f"""Adversarial auto-encoder: a discriminator holds codes to the prior.

    A discriminator :math:`D` learns to tell codes from draws of the prior, and the encoder to
    deceive it,

    .. math:: -\\frac 1 d \\log p(x \\mid z) - \\lambda \\log(1 - D(z)), \\qquad
        \\max_D\\, \\mathbb E_{{q(z)}} \\log D(z) + \\mathbb E_{{p(z)}} \\log(1 - D(z))

    (section 2 of Makhzani et al.). Both are updated in every step.

    Parameters
    ----------
    prior_weight : float, default=0.1
        :math:`\\lambda`, in units of the loss of a cell.
    {documented_discriminator(DISCRIMINATOR_LAYER_SIZES)}
    {documented(DEFAULTS)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    WassersteinAE : A discrepancy in the place of the discriminator.

    References
    ----------
    Makhzani, Shlens, Jaitly, Goodfellow & Frey, "Adversarial Autoencoders", 2015.

    Notes
    -----
    Epochs are judged by the discrepancy of :class:`WassersteinAE`: what a discriminator says
    changes as it learns.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AdversarialAE
    >>> X = load_iris().data
    >>> AdversarialAE(2, max_epochs=20, random_state=0).fit(X).sample(3, random_state=0).shape
    (3, 4)
    """

    _parameter_constraints: dict = {
        **WassersteinAE._parameter_constraints,
        "discriminator_layer_sizes": ["array-like"],
    }

    _kept_names = WassersteinAE._kept_names | {"discriminator_layer_sizes"}

    @parameters_of(WassersteinAE)
    def __init__(
        self,
        n_components="auto",
        *,
        prior_weight=0.1,
        discriminator_layer_sizes=DISCRIMINATOR_LAYER_SIZES,
        **inherited,
    ):
        super().__init__(n_components, prior_weight=prior_weight, **inherited)
        self.discriminator_layer_sizes = discriminator_layer_sizes

    def _objective(self):
        discriminator = code_discriminator(
            self.n_components_, self.discriminator_layer_sizes, self._seed
        )
        return AdversarialReconstruction(self._likelihood, self.prior_weight, discriminator)
