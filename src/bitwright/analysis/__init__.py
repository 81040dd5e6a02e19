"""What a Network is, holds and costs: graph, statistics, precision, operations, memory; see docs/analysis.md."""
