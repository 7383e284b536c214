"""All parameters as one vector, and back."""

from tinynet.gradients.modes import no_grad
from tinynet.ops.joining import cat


def parameters_to_vector(parameters):
    """All parameters one after another, as a vector (D,). As PyTorch's."""
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec, parameters):
    """Write the parts of a vector (D,) into the parameters, in their order. As PyTorch's."""
    start = 0
    with no_grad():
        for parameter in parameters:
            end = start + parameter.numel()
            parameter.data.copy_(vec[start:end].reshape(parameter.shape))
            parameter.bump()
            start = end
