"""The report of a run: one HTML file with scores, pictures, curves and the confusion matrix."""
