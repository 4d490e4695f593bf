"""What a data set holds: pixels of each class, sizes, colours, and where classes lie."""
