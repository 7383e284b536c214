"""Tools around parameters and sequences, as in torch.nn.utils: clipping, vectors, normalised weights, padding."""

from tinynet.nn.utils.clipping import clip_grad_norm_, clip_grad_value_
from tinynet.nn.utils.reparametrization import (
    remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm)
from tinynet.nn.utils.sequences import (
    PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence, pad_sequence)
from tinynet.nn.utils.vectors import parameters_to_vector, vector_to_parameters

__all__ = ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "vector_to_parameters", "weight_norm",
           "remove_weight_norm", "spectral_norm", "remove_spectral_norm", "pad_sequence", "pack_padded_sequence",
           "pack_sequence", "pad_packed_sequence", "PackedSequence"]
