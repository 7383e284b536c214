"""Networks as ONNX files (https://onnx.ai), which other programs run.

    tape.py     what a network does to two batches, operator by operator
    nodes.py    for each operator of tinynet its counterpart in ONNX
    export.py   both together, checked
"""

from tinynet.deploy.onnx.export import export_onnx

__all__ = ["export_onnx"]
