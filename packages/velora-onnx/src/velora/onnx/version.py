"""The version of velora-onnx."""

__version__ = "0.1.0"
