"""Records -> trained networks: the only floor that imports TensorFlow or Keras."""
