"""What every other part may use: optional imports, data frames, versions of scikit-learn."""

from skae.utils._frames import frame_like
from skae.utils._optional import import_optional
from skae.utils._sklearn_callbacks import CallbackSupportMixin, with_callbacks

__all__ = ["CallbackSupportMixin", "frame_like", "import_optional", "with_callbacks"]
