"""Parameters that an estimator shares with the class it extends."""

from functools import wraps
from inspect import Parameter, signature


def parameters_of(base, defaults=None, without=()):
    """Let an ``__init__`` take the parameters of a base class beside its own.

    The decorated function names its own parameters and ``**inherited``. Its signature, which
    scikit-learn reads, lists all of them.

    Parameters
    ----------
    base : type
        The class whose parameters are inherited.
    defaults : dict, default=None
        Other default values than those of the base.
    without : sequence of str, default=()
        Parameters of the base that are left out. Then the ``__init__`` of the base cannot be called
        for the others: ``vars(self).update(inherited)`` stores them.

    Returns
    -------
    callable
        The decorator.

    Examples
    --------
    >>> from inspect import signature
    >>> from skae.utils import parameters_of
    >>> class Base:
    ...     def __init__(self, size=1, *, rate=0.1):
    ...         self.size, self.rate = size, rate
    >>> class Extended(Base):
    ...     @parameters_of(Base, {"rate": 0.5})
    ...     def __init__(self, size=1, *, weight=2.0, **inherited):
    ...         super().__init__(size, **inherited)
    ...         self.weight = weight
    >>> signature(Extended)
    <Signature (size=1, *, weight=2.0, rate=0.5)>
    """
    changed = defaults or {}

    def decorate(init):
        own = [
            p for p in signature(init).parameters.values() if p.kind is not Parameter.VAR_KEYWORD
        ]
        taken = {p.name for p in own} | set(without)
        inherited = [
            p.replace(default=changed.get(p.name, p.default))
            for p in signature(base.__init__).parameters.values()
            if p.name not in taken
        ]
        complete = signature(init).replace(parameters=[*own, *inherited])

        @wraps(init)
        def with_inherited(*args, **kwargs):
            given = complete.bind(*args, **kwargs)
            given.apply_defaults()
            init(*given.args, **given.kwargs)

        with_inherited.__signature__ = complete
        return with_inherited

    return decorate
