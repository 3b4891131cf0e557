"""Spaces whose points have real coordinates: a box, a torus, torsions turned one by one, diffusion in R^d."""
