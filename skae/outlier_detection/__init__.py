"""Detectors made of auto-encoders."""

from skae.outlier_detection._autoencoder_detector import AutoEncoderDetector

__all__ = ["AutoEncoderDetector"]
