"""What there is to know of a model, as tables and JSON."""
