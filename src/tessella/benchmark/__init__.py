"""How fast a model is behind each engine that opens it, in how much memory."""
