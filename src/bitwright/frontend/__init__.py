"""Front ends: Keras 2 and 3, QKeras, qkeras-v3, HGQ, HGQ2, ONNX and QONNX through hls4ml into a Network.

The only room that knows Keras, TensorFlow, QKeras and hls4ml, and only inside the worker process:
importing ``bitwright.frontend`` loads none of them.
"""
