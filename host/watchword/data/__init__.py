"""Recordings and pictures: reads, lists and augments them."""
