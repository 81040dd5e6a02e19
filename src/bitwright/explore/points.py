"""Points of a front as models."""
