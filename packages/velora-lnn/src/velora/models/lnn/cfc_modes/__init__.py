"""Closed-form continuous-time (CfC) cells in all modes: dense, in layers, with memory.

`README.md` says where each copy of their equations is.
"""
