"""scikit-learn's callback protocol where the installed version has it (1.9 and newer)."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9: the same estimator without `set_callbacks`

    class CallbackSupportMixin:
        """Nothing to support."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "with_callbacks"]
