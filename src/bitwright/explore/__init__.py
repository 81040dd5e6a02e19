"""Search for the cheapest hardware of an accuracy: spaces, samplers, evaluations, Pareto fronts."""
