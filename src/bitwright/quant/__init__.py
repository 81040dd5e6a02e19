"""From float to bits: calibration, post-training quantization, health checks.  NumPy only; Keras stays in frontend/."""
