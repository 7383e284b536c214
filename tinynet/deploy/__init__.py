"""A trained network in use: classify images, fold BatchNorm, quantize to 8 bits, export to ONNX."""
