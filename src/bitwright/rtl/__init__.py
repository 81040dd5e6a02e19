"""Network to an RTL bundle: parallel kernels through alkaid, in a stream shell."""
