"""Training a recipe many times over to find better choices, by Optuna."""
