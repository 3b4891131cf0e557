"""Policies over the torsions of molecules."""
