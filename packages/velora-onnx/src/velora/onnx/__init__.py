"""Trained agents as ONNX files, memory included, and the runtime that acts with them.

`OnnxAgent` needs numpy and onnxruntime alone. `export` makes the files, where agents
are trained: `pip install 'velora-onnx[export]'`.
"""

from velora.onnx.agent import OnnxAgent
from velora.onnx.exported import Exported
from velora.onnx.exporting import export
from velora.onnx.version import __version__ as __version__

__all__ = ["Exported", "OnnxAgent", "export"]
