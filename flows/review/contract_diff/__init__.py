"""What changes for those who call a tool, from one contract to another.

Pure. A call that was right must stay right, so the input schema may only take more than before (it is contravariant);
what a caller relies on in an answer must stay true, so the output schema may only promise more (it is covariant).
"""
