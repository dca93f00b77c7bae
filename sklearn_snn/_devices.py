"""Where networks are trained, and what is fast there.

Torch is imported when it is asked, not before.
"""


def has_bfloat16(device: str) -> bool:
    """Whether a device computes in bfloat16 faster than in float32."""
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known = torch.cpu.get_capabilities() if kind == "cpu" else {}
    return any(known.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _n_devices(kind: str) -> int:
    """How many devices of a type torch sees; of the CPU not to be asked."""
    import torch

    try:
        module = torch.get_device_module(kind)
    except RuntimeError:  # of types that never compute, such as "meta"
        return 0
    return module.device_count() if module.is_available() else 0


def resolve_device(device: str, *, must_exist: bool) -> str:
    """Name of the device to use.

    Parameters
    ----------
    device : str
        ``"auto"`` takes an NVIDIA GPU if torch sees one.
    must_exist : bool
        Whether a device that is not there is an error, or replaced by the CPU.

    Raises
    ------
    ValueError
        If torch does not know the device, or cannot see it.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        parsed = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device={device!r} is not one that torch knows") from error
    if parsed.type == "cpu" or (parsed.index or 0) < _n_devices(parsed.type):
        return device
    if must_exist:
        raise ValueError(
            f"device={device!r} was asked for, but torch sees no such device here"
        )
    return "cpu"
