"""Recordings: reading them, listing them, and making more of them for training."""
