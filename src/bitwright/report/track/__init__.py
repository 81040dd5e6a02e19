"""Reports over time: headline figures, budgets and baselines, differences, history, dashboard."""
