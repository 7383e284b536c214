"""Using a trained network: classify images, fold BatchNorm, quantize to 8 bits, export to ONNX."""
