"""Functions of points with real coordinates, whose integrals are known."""
