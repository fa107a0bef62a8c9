"""Where to compute, and explicit sources of randomness there."""

import torch


def resolve_device(device: str) -> torch.device:
    """Return the device that `device` names.

    Parameters
    ----------
    device : str
        ``"auto"`` (a CUDA GPU where there is one, else the CPU), or any name that torch knows, such
        as ``"cpu"``, ``"cuda:0"``, ``"mps"``.

    Returns
    -------
    torch.device
        A device that is present.

    Raises
    ------
    ValueError
        If torch does not know the name or the machine lacks the device.

    Examples
    --------
    >>> from skae.training import resolve_device
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError) as error:  # torch raises both for a missing backend
        raise ValueError(
            f"device={str(device)!r} is not available here. Use 'auto' to take what there is, "
            "'cpu', or another name that torch knows. "
            f"(torch says: {str(error).splitlines()[0]:.120})"
        ) from error
    return resolved


def make_generator(device: torch.device, *seeds: int) -> torch.Generator:
    """Make a generator that depends on several numbers, each of which gives another stream.

    Parameters
    ----------
    device : torch.device
        Where it draws.
    *seeds : int
        Such as the fit's seed and the number of epochs so far.

    Returns
    -------
    torch.Generator
        Independent of any global state.
    """
    mixed = 0
    for seed in seeds:
        mixed = (mixed * 1_000_003 + seed) % 2**63
    return torch.Generator(device).manual_seed(mixed)
