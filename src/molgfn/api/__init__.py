"""The Python API: what ``import molgfn`` gives, and what the commands do underneath.

``molgfn/__init__.py`` names each function and class of it once; nothing here is imported before it is asked for.
"""
