"""The liquid time-constant neuron (LTC): its cell, network and scan.

`README.md` says where each copy of its equation is.
"""
