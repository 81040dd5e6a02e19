"""The stages of the flow: each turns files into files, runs alone, and does nothing when nothing changed."""
