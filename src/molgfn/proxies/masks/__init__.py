"""Dropout masks of a proxy's last layers: as they are drawn in training, and from their posterior (GFlowOut)."""
