"""Sequences of unequal lengths as one tensor. `torch.nn.utils.rnn`."""

from tinynet.creation import full
from tinynet.ops.joining import cat, stack

PACKED = "packed sequences are not supported; pad the sequences and mask what was padded"


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Tensors (L, ...) of unequal L as one, (longest, N, ...), or (N, longest, ...) with `batch_first`.

    The shorter ones are filled up with `padding_value` at their `padding_side`, else ValueError.
    `torch.nn.utils.rnn.pad_sequence`.
    """
    if padding_side not in ("right", "left"):
        raise ValueError(f'pad_sequence: expected a padding_side of "right" or "left", got {padding_side!r}')
    longest = max(len(sequence) for sequence in sequences)
    padded = []
    for sequence in sequences:
        filler = full((longest - len(sequence), *sequence.shape[1:]), padding_value, dtype=sequence.dtype)
        padded.append(cat([sequence, filler] if padding_side == "right" else [filler, sequence]))
    return stack(padded, dim=0 if batch_first else 1)


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Not supported, for any shape: NotImplementedError. `torch.nn.utils.rnn.pack_padded_sequence`."""
    raise NotImplementedError(f"pack_padded_sequence: {PACKED}")


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """Not supported, for any shape: NotImplementedError for every `padding_value`. In PyTorch it unpacks."""
    raise NotImplementedError(f"pad_packed_sequence: {PACKED}")


def pack_sequence(sequences, enforce_sorted=True):
    """Not supported, for any shape: NotImplementedError. `torch.nn.utils.rnn.pack_sequence`."""
    raise NotImplementedError(f"pack_sequence: {PACKED}")


class PackedSequence:
    """Not supported, for any shape: NotImplementedError. `torch.nn.utils.rnn.PackedSequence`."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"PackedSequence: {PACKED}")
