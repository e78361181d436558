"""What is learnt from how the product is used: models, experiments, analytics."""
