"""The cluster index: nodes that cannot be told apart by an answer are one class, so finding a node is a look-up."""
