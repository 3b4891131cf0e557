"""Conformations of molecules, one torsion after the other."""
