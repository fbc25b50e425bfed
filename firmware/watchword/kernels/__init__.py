"""What takes time on the board, a family a name.

Of each family of layer kernels (families.py lists them) FAMILY.py is the contract: numbers, parameters, proof. Its bodies are
FAMILY_plain.py (any chip, slow), FAMILY_viper.py (native code of any chip that MicroPython makes it for) and FAMILY_thumb.py
(RP2040). What is no layer (frontend, frames, knn, buffers) has bodies only. bodies.py chooses those for this chip.
"""
