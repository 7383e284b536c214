"""PyTorch's own test databases, run on tinynet.

PyTorch ships the samples that its own tests use: for each operator (OpInfo), layer (ModuleInfo) and optimizer
(OptimizerInfo) good inputs and bad ones. This package gives the same inputs to both libraries and compares.

    translate.py     the same value in tinynet: tensors with the same strides, types, nested arguments
    outcome.py       what a comparison can end in, and the table of known exceptions, docs/databases.md
    operators.py     OpInfo: functions, methods and in-place methods, forward and backward
    modules.py       ModuleInfo: layers with the weights of PyTorch's, in training and in evaluation
    optimizers.py    OptimizerInfo: some steps with the same gradients; schedules
    report.py        all of it, with counts: `python -m databases.report [NAME ...]` in the folder `tests`

An entry is found by its name: what tinynet has under the name that PyTorch uses is tested, without being listed here.
"""
