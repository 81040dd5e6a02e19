"""Trainings side by side: sweeps over settings, pruning in steps, and the pages that show what came of them.

Nothing here loads Keras: a training is a process of its own (:mod:`bitwright.frontend.training`).
"""
