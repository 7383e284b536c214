"""A trained network made smaller and faster: BatchNorm folded away, weights and activations quantized."""
