"""Drivers of the external tools: starting processes, finding programs, Yosys synthesis."""
