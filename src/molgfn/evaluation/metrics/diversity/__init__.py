"""How different the samples are from each other."""
