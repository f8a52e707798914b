"""Independent fuzz: mutated inputs of every kind, with seeds that are printed."""
