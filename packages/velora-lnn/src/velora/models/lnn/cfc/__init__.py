"""The closed-form continuous-time (CfC) recurrence: its cell, network and scan.

`README.md` says where each copy of its equation is.
"""
