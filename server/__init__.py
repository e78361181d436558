"""THE ROOF: wires the pillars, faces the world and carries the product's features."""
