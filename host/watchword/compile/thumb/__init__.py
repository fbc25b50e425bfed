"""What the compiler does for Thumb kernels: proofs of what they may compute, and the weights in the form that they take."""
