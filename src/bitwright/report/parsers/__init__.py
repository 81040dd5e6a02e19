"""Parsers of tool reports: ``parse(text, source, ...) -> tuple[Measurement, ...]``, pure, missing is absent."""
