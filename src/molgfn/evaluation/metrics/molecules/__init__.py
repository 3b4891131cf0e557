"""What a chemist asks of molecules before anything else."""
