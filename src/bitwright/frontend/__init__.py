"""Front ends: Keras, QKeras (and later HGQ2, ONNX) through hls4ml into a Network.

The only room that knows Keras, TensorFlow, QKeras and hls4ml, and only inside the worker process:
importing ``bitwright.frontend`` loads none of them.
"""
