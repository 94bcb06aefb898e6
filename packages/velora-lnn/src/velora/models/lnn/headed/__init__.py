"""What recurrences share whose cells are a `HeadedCell`: packing, scan, one function.

A recurrence's own folder says what its heads are and what a step does with them.
"""
