"""Pixels counted once as whole numbers, and every score as a function of those counts."""
