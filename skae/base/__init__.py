"""The contract that every auto-encoder of skae keeps."""

from skae.base._fitting import FALSE_ALARM_RATE, MOST_HELD_OUT_ROWS, BaseAutoEncoder

__all__ = ["FALSE_ALARM_RATE", "MOST_HELD_OUT_ROWS", "BaseAutoEncoder"]
