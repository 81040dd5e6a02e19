"""Reports: records, parsers, comparison and rendering."""

from bitwright.report.hls4ml_keys import Hls4mlReport, hls4ml_dict

__all__ = ["Hls4mlReport", "hls4ml_dict"]
