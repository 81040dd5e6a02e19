"""Simulation: the C++ emulation, Verilator builds, cocotb benches, netlists, and bit comparison."""
