"""The features of the product, one package each, in groups; ``install`` has the list of them."""
