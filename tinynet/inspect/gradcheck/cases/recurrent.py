"""Cases for recurrent layers: the gradients of inputs, states and all parameters, through their outputs and states."""

from tinynet.inspect.gradcheck.cases.case import layer


def joined(nn, kind, **options):
    """A recurrent layer whose outputs and states are one long row of numbers."""
    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent = getattr(nn, kind)(3, 2, **options)

        def forward(self, x, *states):
            y = self.recurrent(x, *((states if len(states) > 1 else states[0],) if states else ()))
            return sum((part * (i + 1)).sum() for i, part in enumerate(flat(y)))

    return Joined()


def flat(result):
    """The tensors in nested tuples, one after another."""
    return [y for part in result for y in flat(part)] if isinstance(result, tuple) else [result]


for _kind, _states in ("RNN", 1), ("LSTM", 2), ("GRU", 1):
    layer(_kind, lambda nn, kind=_kind, **o: joined(nn, kind, **o), (3, 2, 3), num_layers=[2], bias=[False],
          batch_first=[True], bidirectional=[True])
    layer(f"{_kind} states", lambda nn, kind=_kind: joined(nn, kind), (3, 2, 3), *[(1, 2, 2)] * _states)
    layer(f"{_kind}Cell", lambda nn, kind=_kind: joined(nn, kind + "Cell"), (2, 3), *[(2, 2)] * _states)
layer("RNN relu", lambda nn: joined(nn, "RNN", nonlinearity="relu"), (3, 2, 3))
