"""A trained model as one file that needs no training code, proven to say the same as the run."""
