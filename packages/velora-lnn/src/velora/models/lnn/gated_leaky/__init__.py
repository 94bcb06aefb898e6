"""The gated leaky integrator: its cell, network and scan.

`README.md` says where each copy of its equation is.
"""
