"""molgfn: molecular generation with GFlowNets, as a PyTorch Lightning experiment framework."""

__version__ = "0.1.0"
