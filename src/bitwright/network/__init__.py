"""The intermediate representation: layers, checker, text form, bounds and the reference interpreter."""

from bitwright.network.check import check
from bitwright.network.layers import Constant, Layer, Network
from bitwright.network.text import load, save

__all__ = ["Constant", "Layer", "Network", "check", "load", "save"]
