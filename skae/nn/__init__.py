"""Torch modules: layers, corruptions and the auto-encoder they make."""

from skae.nn._activations import ACTIVATIONS
from skae.nn._autoencoder import AutoEncoderModule, build_user_module
from skae.nn._autoregressive_flow import AutoregressiveFlow
from skae.nn._bias_free_mlp import BiasFreeMLP
from skae.nn._classifier import CodeClassifier
from skae.nn._conditional import ConditionalAutoEncoder
from skae.nn._conv import ConvDecoder, ConvEncoder, PixelUnits, default_channels
from skae.nn._corruptions import NOISE_NAMES, corrupt, hide, jitter
from skae.nn._cubature import cubature_points
from skae.nn._gaussian_fill import GaussianFill
from skae.nn._gaussian_mixture import GaussianMixture, MixtureAutoEncoder
from skae.nn._jacobian import jacobian, squared_gradients
from skae.nn._members import MemberDecoder, MemberEncoder, MembersAutoEncoder
from skae.nn._memory import Memory, MemoryAutoEncoder
from skae.nn._mlp import SkipMLP
from skae.nn._products import AlignedProducts, aligned
from skae.nn._quantizers import Codebooks, QuantizedAutoEncoder, Quantizer, ScalarLevels
from skae.nn._rng import isolated_rng
from skae.nn._sparse_codes import SparseAutoEncoder, TopCodes
from skae.nn._sparse_split import SparseSplit, SplitInput
from skae.nn._table_input import TableInput, origins_in, places_in
from skae.nn._token_prior import TokenPrior
from skae.nn._translation import PatchDiscriminator, ResNetTranslator, Translators
from skae.nn._vamp_prior import NormalMixture, VampPriorAutoEncoder
from skae.nn._variational import SMALLEST_SCALE, NoiseScale, VariationalAutoEncoder

__all__ = [
    "ACTIVATIONS",
    "NOISE_NAMES",
    "SMALLEST_SCALE",
    "AlignedProducts",
    "AutoEncoderModule",
    "AutoregressiveFlow",
    "BiasFreeMLP",
    "CodeClassifier",
    "Codebooks",
    "ConditionalAutoEncoder",
    "ConvDecoder",
    "ConvEncoder",
    "GaussianFill",
    "GaussianMixture",
    "MemberDecoder",
    "MemberEncoder",
    "MembersAutoEncoder",
    "Memory",
    "MemoryAutoEncoder",
    "MixtureAutoEncoder",
    "NoiseScale",
    "NormalMixture",
    "PatchDiscriminator",
    "PixelUnits",
    "QuantizedAutoEncoder",
    "Quantizer",
    "ResNetTranslator",
    "ScalarLevels",
    "SkipMLP",
    "SparseAutoEncoder",
    "SparseSplit",
    "SplitInput",
    "TableInput",
    "TokenPrior",
    "TopCodes",
    "Translators",
    "VampPriorAutoEncoder",
    "VariationalAutoEncoder",
    "aligned",
    "build_user_module",
    "corrupt",
    "cubature_points",
    "default_channels",
    "hide",
    "isolated_rng",
    "jacobian",
    "jitter",
    "origins_in",
    "places_in",
    "squared_gradients",
]
