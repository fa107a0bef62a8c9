"""Detectors made of auto-encoders."""

from skae.outlier_detection._autoencoder_detector import AutoEncoderDetector
from skae.outlier_detection._deep_svdd import DeepSVDD
from skae.outlier_detection._memory_ae import MemoryAE
from skae.outlier_detection._robust_ae import RobustAE

__all__ = ["AutoEncoderDetector", "DeepSVDD", "MemoryAE", "RobustAE"]
