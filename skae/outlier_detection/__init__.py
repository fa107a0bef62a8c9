"""Detectors made of auto-encoders."""

from skae.outlier_detection._autoencoder_detector import AutoEncoderDetector
from skae.outlier_detection._dagmm import DAGMM
from skae.outlier_detection._deep_svdd import DeepSVDD
from skae.outlier_detection._memory_ae import MemoryAE
from skae.outlier_detection._rand_net import RandNet
from skae.outlier_detection._robust_ae import RobustAE

__all__ = ["DAGMM", "AutoEncoderDetector", "DeepSVDD", "MemoryAE", "RandNet", "RobustAE"]
