"""Networks as ONNX files (https://onnx.ai), which other programs run.

    tape.py     records the operators that a network runs on two batches
    nodes.py    translates each operator of tinynet to ONNX
    export.py   writes the translated record as a file, and checks the file
"""

from tinynet.deploy.onnx.export import export_onnx

__all__ = ["export_onnx"]
