"""Sequences of different lengths in one tensor. Packed sequences are refused: recurrent layers take padded ones."""

from tinynet.nn.functional import pad
from tinynet.ops.joining import stack


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Sequences (L, ...) of different lengths in one tensor, (longest L, N, ...), or N first, if `batch_first`.

    What is missing is filled with `padding_value`, at the end, or at the begin for `padding_side="left"` (else:
    ValueError). As PyTorch's.
    """
    if padding_side not in ("right", "left"):
        raise ValueError(f'pad_sequence: expected padding_side "right" or "left", got {padding_side!r}')
    longest = max(len(sequence) for sequence in sequences)
    rows = []
    for sequence in sequences:
        missing = longest - len(sequence)
        widths = (0, missing) if padding_side == "right" else (missing, 0)
        rows.append(pad(sequence, [0, 0] * (sequence.ndim - 1) + list(widths), value=padding_value))
    return stack(rows, 0 if batch_first else 1)


def _refused(name):
    raise NotImplementedError(f"{name}: packed sequences are not supported; give the recurrent layer the padded tensor, "
                              "and leave out of the loss what stands at padded places")


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Refused with a NotImplementedError: recurrent layers take padded sequences (L, N, C). PyTorch's."""
    _refused("pack_padded_sequence")


def pack_sequence(sequences, enforce_sorted=True):
    """Refused with a NotImplementedError: use `pad_sequence`, which gives (L, N, ...). PyTorch's."""
    _refused("pack_sequence")


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """Refused with a NotImplementedError: what recurrent layers give is padded (L, N, C), whatever `padding_value`.

    PyTorch's.
    """
    _refused("pad_packed_sequence")
