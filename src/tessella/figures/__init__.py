"""The figures of a model: pictures and drawings to put in a paper or a talk."""
