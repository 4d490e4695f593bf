"""A tutorial's score the way it was computed there, beside the right one, on any run."""
