"""What writes agents and networks into files; it alone needs `velora-onnx[export]`."""
