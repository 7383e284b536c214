"""Recurrent layers: sequences go through time step by step. The steps are in `ops/recurrent.py`."""

import math

import numpy as np

from tinynet.nn import check, init
from tinynet.nn import functional as F
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter, parameter_dtype
from tinynet.ops import recurrent
from tinynet.ops.joining import cat, stack
from tinynet.ops.moving import flip
from tinynet.tensor import Tensor


class _Recurrent(Module):
    """Base of the recurrent layers: weights for each layer and direction, and the way through both.

    `gates` is how many times H the weights are high. A subclass runs one layer in one direction: `_run`.
    """

    gates, states = 1, 1

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
                 bidirectional=False, proj_size=0, device=None, dtype=None):
        super().__init__()
        name, dtype = type(self).__name__, parameter_dtype(device, dtype)
        check.refuse(name, proj_size=proj_size or None)
        check.probability(name, "dropout", dropout)
        if min(input_size, hidden_size, num_layers) < 1:
            raise ValueError(f"{name}: expected input_size, hidden_size and num_layers of at least 1, "
                             f"got {input_size}, {hidden_size} and {num_layers}")
        if not isinstance(bias, bool) or not isinstance(batch_first, bool):
            raise TypeError(f"{name}: expected bias and batch_first to be True or False, got {bias!r} and "
                            f"{batch_first!r}")
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        self.proj_size = 0
        high = self.gates * hidden_size
        for layer in range(num_layers):
            for ending in self._endings(layer):
                size = input_size if layer == 0 else hidden_size * self._directions
                self.register_parameter(f"weight_ih{ending}", Parameter(np.empty((high, size), dtype)))
                self.register_parameter(f"weight_hh{ending}", Parameter(np.empty((high, hidden_size), dtype)))
                for side in ("ih", "hh") if bias else ():
                    self.register_parameter(f"bias_{side}{ending}", Parameter(np.empty(high, dtype)))
        self.reset_parameters()

    @property
    def _directions(self):
        return 2 if self.bidirectional else 1

    def _endings(self, layer):
        """The ends of the names of a layer's parameters: `_l0` forward, `_l0_reverse` backward in time."""
        return [f"_l{layer}", f"_l{layer}_reverse"][:self._directions]

    def reset_parameters(self):
        """Draw new initial values from U(-1 / √hidden_size, 1 / √hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self):
        """Nothing: in PyTorch it puts the weights side by side in a GPU's memory."""

    def forward(self, input, hx=None):
        if not isinstance(input, Tensor):
            raise TypeError(f"{self.title()}: expected a tensor, got {type(input).__name__}; packed sequences are not "
                            "supported, give the padded tensor itself")
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            form = "N, L" if self.batch_first else "L, N"
            raise ValueError(f"{self.title()}: expected input ({form}, {self.input_size}) or (L, {self.input_size}), "
                             f"got {input.shape}")
        if input.ndim == 2:
            hx = None if hx is None else self._each(hx, lambda h: h.unsqueeze(1))
            y, last = self._through_layers(input.unsqueeze(1), hx)
            return y.squeeze(1), self._each(last, lambda h: h.squeeze(1))
        if not self.batch_first:
            return self._through_layers(input, hx)
        y, last = self._through_layers(input.transpose(0, 1), hx)
        return y.transpose(0, 1), last

    def _each(self, states, function):
        return tuple(function(state) for state in states) if self.states > 1 else function(states)

    def _through_layers(self, x, hx):
        """x (L, N, C) -> the last layer's output (L, N, directions · H), and the last states of all layers."""
        states, lasts = self._initial(x, hx), []
        for layer in range(self.num_layers):
            outputs = []
            for direction, ending in enumerate(self._endings(layer)):
                i = layer * self._directions + direction
                y, last = self._run(flip(x, 0) if direction else x, [state[i] for state in states], ending)
                outputs.append(flip(y, 0) if direction else y)
                lasts.append(last)
            x = outputs[0] if len(outputs) == 1 else cat(outputs, -1)
            if self.dropout and layer + 1 < self.num_layers:
                x = F.dropout(x, self.dropout, self.training)
        stacked = tuple(stack(kind) for kind in zip(*lasts))
        return x, stacked if self.states > 1 else stacked[0]

    def _initial(self, x, hx):
        """The states before the first step, (layers · directions, N, H) each; zeros if none are given."""
        shape = self.num_layers * self._directions, x.shape[1], self.hidden_size
        if hx is None:
            return [Tensor(np.zeros(shape, x.dtype))] * self.states
        states = list(hx) if self.states > 1 else [hx]
        if len(states) != self.states or any(state.shape != shape for state in states):
            raise ValueError(f"{self.title()}: expected {self.states} state(s) {shape}, "
                             f"got {[state.shape for state in states]}")
        return states

    def _weights(self, ending):
        biases = [getattr(self, f"bias_{side}{ending}") for side in ("ih", "hh")] if self.bias else [None, None]
        return (getattr(self, f"weight_ih{ending}"), getattr(self, f"weight_hh{ending}"), *biases)

    def title(self):
        return f"{type(self).__name__}({self.input_size} -> {self.hidden_size})"

    def extra_repr(self):
        said = [f"{self.input_size}, {self.hidden_size}"]
        said += [f"num_layers={self.num_layers}"] * (self.num_layers != 1) + ["bias=False"] * (not self.bias)
        said += ["batch_first=True"] * self.batch_first + [f"dropout={self.dropout}"] * (self.dropout != 0)
        return ", ".join(said + ["bidirectional=True"] * self.bidirectional)


def _both(b_ih, b_hh):
    """The sum of two biases that act on the same gates, or None."""
    return None if b_ih is None else b_ih + b_hh


def _run_rnn(x, states, w_ih, w_hh, b_ih, b_hh, relu):
    y = recurrent.RNN.apply(F.linear(x, w_ih, _both(b_ih, b_hh)), states[0], w_hh, relu)
    return y, (y[-1],)


def _run_lstm(x, states, w_ih, w_hh, b_ih, b_hh):
    y, c = recurrent.LSTM.apply(F.linear(x, w_ih, _both(b_ih, b_hh)), *states, w_hh)
    return y, (y[-1], c)


def _run_gru(x, states, w_ih, w_hh, b_ih, b_hh):
    b_hh = Tensor(np.zeros(len(w_hh), x.dtype)) if b_hh is None else b_hh
    y = recurrent.GRU.apply(F.linear(x, w_ih, b_ih), states[0], w_hh, b_hh)
    return y, (y[-1],)


def _check_nonlinearity(name, nonlinearity):
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f'{name}: expected nonlinearity "tanh" or "relu", got {nonlinearity!r}')


class RNN(_Recurrent):
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or ReLU in place of tanh. Elman 1990.

    x (L, N, input_size), or (N, L, input_size) if `batch_first`; h (num_layers, N, hidden_size), zeros unless given
    -> all h of the last layer (L, N, hidden_size), the last h of all layers. `bidirectional` doubles the layers and the
    output's length: one half goes from the end. `dropout` acts between layers. Packed sequences are refused
    (TypeError), and so is `proj_size`. Weights have PyTorch's names.
    """

    def __init__(self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False,
                 dropout=0.0, bidirectional=False, device=None, dtype=None):
        _check_nonlinearity("RNN", nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         device=device, dtype=dtype)
        self.nonlinearity = nonlinearity

    def _run(self, x, states, ending):
        return _run_rnn(x, states, *self._weights(ending), self.nonlinearity == "relu")


class LSTM(_Recurrent):
    """A recurrent layer with a memory c and a state h: see `ops.recurrent.LSTM`. Hochreiter & Schmidhuber 1997.

    Shapes and options (num_layers, ...; no `proj_size`) are those of `RNN`; the states are a pair (h, c):
    (L, N, input_size), (h, c) -> (L, N, hidden_size), (h, c).
    """

    gates, states = 4, 2

    def _run(self, x, states, ending):
        return _run_lstm(x, states, *self._weights(ending))


class GRU(_Recurrent):
    """A recurrent layer whose gates choose between its old state and a new one: see `ops.recurrent.GRU`.

    Shapes and options (num_layers, ...) are those of `RNN`: (L, N, input_size), h -> (L, N, hidden_size), h.
    Cho et al. 2014.
    """

    gates = 3

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
                 bidirectional=False, device=None, dtype=None):
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         device=device, dtype=dtype)

    def _run(self, x, states, ending):
        return _run_gru(x, states, *self._weights(ending))


class _Cell(Module):
    """One step of one layer, by the functions of the layers."""

    gates, states = 1, 1

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__()
        dtype = parameter_dtype(device, dtype)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        high = self.gates * hidden_size
        self.weight_ih = Parameter(np.empty((high, input_size), dtype))
        self.weight_hh = Parameter(np.empty((high, hidden_size), dtype))
        self.bias_ih, self.bias_hh = (Parameter(np.empty(high, dtype)) if bias else None for _ in range(2))
        self.reset_parameters()

    reset_parameters = _Recurrent.reset_parameters

    def forward(self, input, hx=None):
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(f"{self.title()}: expected input (N, {self.input_size}) or ({self.input_size},), "
                             f"got {input.shape}")
        shape = (*input.shape[:-1], self.hidden_size)
        states = [Tensor(np.zeros(shape, input.dtype))] * self.states if hx is None else hx
        states = states if self.states > 1 or hx is None else [states]
        if any(state.shape != shape for state in states):
            raise ValueError(f"{self.title()}: expected states {shape}, got {[state.shape for state in states]}")
        x = input.reshape(1, -1, self.input_size)
        _, last = self._run(x, [state.reshape(-1, self.hidden_size) for state in states])
        last = tuple(state.reshape(shape) for state in last)
        return last if self.states > 1 else last[0]

    def _weights(self):
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def title(self):
        return f"{type(self).__name__}({self.input_size} -> {self.hidden_size})"

    def extra_repr(self):
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else f", bias={self.bias}")


class RNNCell(_Cell):
    """One step of `RNN`: x (N, input_size), h (N, hidden_size), zeros unless given -> h. Elman 1990.

    `nonlinearity` is "tanh" or "relu", else ValueError.
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", device=None, dtype=None):
        _check_nonlinearity("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def _run(self, x, states):
        return _run_rnn(x, states, *self._weights(), self.nonlinearity == "relu")

    def extra_repr(self):
        return super().extra_repr() + (f", nonlinearity={self.nonlinearity}" if self.nonlinearity != "tanh" else "")


class LSTMCell(_Cell):
    """One step of `LSTM`: x (N, input_size), (h, c) of (N, hidden_size) each -> (h, c).

    Hochreiter & Schmidhuber 1997.
    """

    gates, states = 4, 2

    def _run(self, x, states):
        return _run_lstm(x, states, *self._weights())


class GRUCell(_Cell):
    """One step of `GRU`: x (N, input_size), h (N, hidden_size), zeros unless given -> h. Cho et al. 2014."""

    gates = 3

    def _run(self, x, states):
        return _run_gru(x, states, *self._weights())
