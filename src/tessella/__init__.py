"""Tessella: semantic segmentation from a folder of images and masks to a measured, shipped model.

Importing this package loads nothing heavy; import the verb you need, for example `tessella.train`.
"""

__version__ = "0.1.0"
