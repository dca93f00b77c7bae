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


def resolve_device(device: str, *, must_exist: bool) -> str:
    """Name of the device to use.

    Parameters
    ----------
    device : str
        ``"auto"`` takes an NVIDIA GPU if torch sees one.
    must_exist : bool
        Whether a GPU that is not there is an error, or replaced by the CPU.

    Raises
    ------
    ValueError
        If torch does not know the device, or cannot see it.
    """
    import torch

    has_gpu = {"cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if device == "auto":
        return "cuda" if has_gpu["cuda"] else "cpu"
    try:
        parsed = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device={device!r} is not one that torch knows") from error
    if parsed.type in has_gpu and not (
        has_gpu[parsed.type]
        and (parsed.index or 0) < torch.get_device_module(parsed).device_count()
    ):
        if must_exist:
            raise ValueError(
                f"device={device!r} was asked for, but torch sees no such device here"
            )
        return "cpu"
    return device
