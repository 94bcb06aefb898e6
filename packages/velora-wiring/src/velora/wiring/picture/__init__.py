"""The picture of a wiring: what it shows, in which order, and how it is painted."""
